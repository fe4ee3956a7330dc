#!/usr/bin/env python3
"""Verifies a file in the format yunshu-breach/1, offline: what is told of a breach.

It goes through the selection as verify.py does, and then through what the log signed about it. A key of the log must be
named. Exit: 0 everything holds, 1 something does not, 2 wrong command line.
"""

import argparse
import base64
import hashlib
import io
import json
import sys

from cryptography.exceptions import InvalidSignature

from verify import MAX_LINE, Finding, Key, Note, Wrong, need, text_of, verify

FORMAT = "yunshu-breach/1"
BEGIN, SIGNED = b'{"type":"breach",', b'{"type":"signed",'
MOST, MOST_BYTES = 100_000, 256 * 1024 * 1024


class Selection(io.RawIOBase):
    """The lines up to the one that ends the selection; what was read is in the print."""

    def __init__(self, stream):
        super().__init__()
        self.stream, self.print, self.stopped = stream, hashlib.sha256(), None

    def readline(self, size=-1):
        if self.stopped is not None:
            return b""
        line = self.stream.readline(size)
        if line.startswith(BEGIN) or not line:
            self.stopped = line
            return b""
        self.print.update(line)
        return line


def statement(note, keys, report, print_):
    """The time of it, if one of the keys signed exactly what this file is."""
    note = Note(note)
    try:
        signed = any([note.verify(key)[0] for key in keys])
    except InvalidSignature as error:
        raise Wrong("the signature is not by the key that it names") from error
    need(signed, "not signed by a key that was named")
    lines = note.text.split("\n")
    need(len(lines) == 7 and lines[2].startswith("time ") and lines[2][5:].isascii(), "no statement")
    time = lines[2][5:]
    need(time.isdigit() and str(int(time)) == time, "no time")
    expected = [
        FORMAT,
        f"origin {report['origin']}",
        f"time {time}",
        f"checkpoint {report['size']} {report['root']}",
        f"entries {report['entries']}",
        f"sha256 {base64.b64encode(print_).decode()}",
        "",
    ]
    need(lines == expected, "it is about another file than this")
    return int(time)


def breach(stream, keys):
    selection = Selection(stream)
    report = verify(selection, keys)
    need(not report["complete"] and keys, "no selection")
    line, lines, room = selection.stopped, [], MOST_BYTES
    while not line.startswith(SIGNED):
        room -= len(line)
        need(line.endswith(b"\n") and len(line) <= MAX_LINE and room >= 0 and len(lines) < MOST, "a line is odd")
        selection.print.update(line)
        lines.append(json.loads(line))
        line = stream.readline(MAX_LINE + 1)
    last = json.loads(line)
    note = text_of(last.get("note"))
    spelt = '{"type":"signed","note":' + json.dumps(note, ensure_ascii=False) + "}\n"
    need(line.decode() == spelt and stream.read(1) == b"", "the last line is not the last, or not spelt so")
    time = statement(note, keys, report, selection.print.digest())
    return {"report": report, "time": time, "lines": lines}


def main():
    parser = argparse.ArgumentParser(description="Verifies a file in the format " + FORMAT + ", offline.")
    parser.add_argument("file", help="the file; - reads standard input")
    parser.add_argument("--key", action="append", required=True, help="a key of the log that you got from elsewhere")
    ask = parser.parse_args()
    try:
        keys = [Key(key) for key in ask.key]
    except Wrong as wrong:
        parser.error(f"not a key as name+id+key: {wrong}")
    try:
        stream = sys.stdin.buffer if ask.file == "-" else open(ask.file, "rb")
        with stream:
            print(json.dumps(breach(stream, keys), indent=2))
    except OSError as error:
        sys.exit(f"cannot read: {error}")
    except (Finding, Wrong, ValueError, AttributeError, RecursionError) as error:
        sys.exit(f"not to be believed: {error}")


if __name__ == "__main__":
    main()
