#!/usr/bin/env python3
"""Tries verify.py with the files of a folder, and compares what it says with the folder's expected.json."""

import json
import pathlib
import sys

sys.dont_write_bytecode = True

from verify import Finding, Key, verify


def said(folder, case):
    trusted = case["trusted"] and (folder / case["trusted"]).read_bytes().decode()
    keys, witnesses = [Key(key) for key in case["keys"]], [Key(key) for key in case["witnesses"]]
    try:
        with open(folder / case["file"], "rb") as stream:
            report = verify(stream, keys, witnesses, trusted, case.get("witnesses_needed"))
    except Finding as found:
        return {"code": found.code, "seq": found.seq, "line": found.line}
    names = ["entries", "withheld", "checkpoints", "first_seq", "last_seq", "size", "root", "agrees_with", "warnings"]
    answer = {name: report[name] for name in names}
    if "register" in report:
        answer["register"] = report["register"]["size"]
    return answer


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    wrong = 0
    for case in cases:
        answer = said(folder, case)
        if answer != case["verdict"]:
            wrong += 1
            print(f"{case['file']}: expected {case['verdict']}, and it says {answer}")
    print(f"{len(cases) - wrong} of {len(cases)} agree")
    sys.exit(1 if wrong or not cases else 0)


if __name__ == "__main__":
    main()
