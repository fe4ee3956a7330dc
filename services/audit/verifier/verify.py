#!/usr/bin/env python3
"""Verifies a file in the format yunshu-audit/1 or yunshu-audit/2, offline.

A second implementation of the format that services/audit/README.md describes. It shares no code with the first, so that
neither has to be believed alone. It needs Python 3.9 and the package `cryptography`.

Exit: 0 everything holds, 1 something does not, 2 wrong command line.
"""

import argparse
import base64
import binascii
import calendar
import datetime
import hashlib
import json
import re
import sys
import unicodedata

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "yunshu-audit/1"
FORMAT_WITH_HEAD = "yunshu-audit/2"
MAX_LINE = 8 * 1024 * 1024
MAX_KEYS = 1000
MAX_PROOF = 64
MAX_SIZE = 2**63 - 1
MAX_NOTE = 64 * 1024
MAX_SIGNATURES = 64
RECENT = 4096
NOTE, COSIGNATURE = 1, 4
SLOT = 10


class Finding(Exception):
    """What keeps the file from being believed: from which entry on, and the same word as the first verifier's."""

    def __init__(self, code, seq, text):
        super().__init__(text)
        self.code, self.seq, self.text, self.line = code, seq, text, None


class Wrong(Exception):
    """Something is not written as it should be."""


def need(condition, text):
    if not condition:
        raise Wrong(text)


# Hashes and the tree: RFC 9162, section 2.1.


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def leaf_hash(data):
    return sha256(b"\x00", data)


def node_hash(left, right):
    return sha256(b"\x01", left, right)


class Frontier:
    """The roots of the full subtrees of a log, largest first."""

    def __init__(self, size=0, hashes=()):
        self.size, self.hashes = size, list(hashes)

    def push(self, leaf):
        self.size += 1
        self.hashes.append(leaf)
        size = self.size
        while size % 2 == 0:
            right = self.hashes.pop()
            self.hashes.append(node_hash(self.hashes.pop(), right))
            size //= 2

    def root(self):
        if not self.hashes:
            return sha256(b"")
        root = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            root = node_hash(left, root)
        return root


def included(leaf, index, size, proof, root):
    if not 0 <= index < size <= MAX_SIZE or len(proof) > MAX_PROOF:
        return False
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if at % 2 == 1 or at == last:
            found = node_hash(sibling, found)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def consistent(old_size, new_size, proof, old, new):
    if not 0 <= old_size <= new_size <= MAX_SIZE or len(proof) > MAX_PROOF:
        return False
    if old_size == 0:
        return not proof and old == sha256(b"") and (new_size > 0 or new == old)
    if old_size == new_size:
        return not proof and old == new
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    at, last = old_size - 1, new_size - 1
    while at % 2 == 1:
        at, last = at >> 1, last >> 1
    of_old = of_new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if at % 2 == 1 or at == last:
            of_old, of_new = node_hash(sibling, of_old), node_hash(sibling, of_new)
            while at % 2 == 0 and at != 0:
                at, last = at >> 1, last >> 1
        else:
            of_new = node_hash(of_new, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and of_old == old and of_new == new


# What is written in one way only.


def unbase64(text):
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise Wrong("not base64") from error
    need(base64.b64encode(data).decode() == text, "not base64 in its one spelling")
    return data


def hash_of(text):
    need(isinstance(text, str), "a hash is no text")
    data = unbase64(text)
    need(len(data) == 32, "a hash has not 32 bytes")
    return data


def hashes_of(value):
    need(isinstance(value, list), "no list of hashes")
    return [hash_of(one) for one in value]


def uuid_of(text):
    shape = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    need(isinstance(text, str) and re.fullmatch(shape, text), "an id is not one")
    return bytes.fromhex(text.replace("-", ""))


def micros_of(text):
    shape = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"
    need(isinstance(text, str) and re.fullmatch(shape, text), "a time is not one")
    try:
        time = datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ")
    except ValueError as error:
        raise Wrong("a time is not one") from error
    need(time.year >= 1970 and int(text[17:19]) < 60, "a time is not one")
    return calendar.timegm(time.timetuple()) * 1_000_000 + time.microsecond


def number_of(value):
    # True is a number to Python.
    need(type(value) is int and 0 <= value <= MAX_SIZE, "a number is not one")
    return value


def decimal(text):
    need(re.fullmatch(r"0|[1-9][0-9]*", text) and len(text) < 20, "a number is not one")
    return number_of(int(text))


def text_of(value):
    need(isinstance(value, str), "a text is not one")
    return value


def maybe(read, value):
    return None if value is None else read(value)


def is_control(char):
    return unicodedata.category(char) == "Cc"


def fields(line, kind, names):
    """The fields of a line, if it is written exactly as the format wants it."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Wrong("no JSON") from error
    need(isinstance(value, dict) and list(value) == ["type"] + names and value["type"] == kind, "not its fields")
    spelt_so(value, line)
    return [value[name] for name in names]


def spelt_so(value, line):
    try:
        written = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (ValueError, RecursionError) as error:
        raise Wrong("no JSON") from error
    need(written == line, "not in the one spelling")


# Keys, notes and checkpoints: c2sp.org/signed-note, tlog-checkpoint and tlog-cosignature.


def is_name(name):
    return 0 < len(name.encode()) <= 255 and not any(c.isspace() or is_control(c) or c == "+" for c in name)


class Key:
    def __init__(self, text):
        need(isinstance(text, str) and text.count("+") >= 2, "no key")
        self.text = text
        self.name, key_id, key = text.split("+", 2)
        data = unbase64(key)
        need(len(data) == 33 and data[0] in (NOTE, COSIGNATURE) and is_name(self.name), "no key")
        self.algorithm, self.bytes = data[0], data[1:]
        self.id = sha256(self.name.encode(), b"\n", data)[:4]
        need(key_id == self.id.hex(), "the id of the key is not its")

    def check(self, text, signature):
        """None for a plain signature, the time of a cosignature; raises InvalidSignature."""
        message, time = text.encode(), None
        if self.algorithm == COSIGNATURE:
            if len(signature) < 8:
                raise InvalidSignature
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            if time > MAX_SIZE:
                raise InvalidSignature
            message = f"cosignature/v1\ntime {time}\n".encode() + message
        try:
            Ed25519PublicKey.from_public_bytes(self.bytes).verify(signature, message)
        except ValueError as error:
            raise InvalidSignature from error
        return time


class Note:
    def __init__(self, whole):
        need(len(whole.encode()) <= MAX_NOTE, "too long")
        need(not any(c < " " and c != "\n" for c in whole), "control characters")
        end = whole.rfind("\n\n")
        need(end >= 0 and whole.endswith("\n") and end + 2 < len(whole), "no signatures")
        self.text = whole[: end + 1]
        lines = whole[end + 2 : -1].split("\n")
        need(len(lines) <= MAX_SIGNATURES, "too many signatures")
        self.signatures = []
        for line in lines:
            parts = line.split(" ", 2)
            need(len(parts) == 3 and parts[0] == "\u2014" and is_name(parts[1]), "no signature line")
            data = unbase64(parts[2])
            need(len(data) > 4, "a short signature")
            self.signatures.append((parts[1], data[:4], data[4:]))

    def of(self, key):
        return [data for name, key_id, data in self.signatures if (name, key_id) == (key.name, key.id)]

    def verify(self, key):
        """Whether the key signed, and when it cosigned; raises InvalidSignature if something in its name is false."""
        times = [key.check(self.text, signature) for signature in self.of(key)]
        return bool(times), times[-1] if times else None


class Checkpoint:
    def __init__(self, text):
        lines = text.split("\n")
        need(len(lines) >= 4 and lines.pop() == "" and all(lines), "no checkpoint")
        need(lines[0] and all(lines[3:]), "an empty line")
        self.origin, self.size, self.root = lines[0], decimal(lines[1]), hash_of(lines[2])
        self.time = None
        times = [line[5:] for line in lines[3:] if line.startswith("time ")]
        if len(times) == 1:
            try:
                self.time = decimal(times[0])
            except Wrong:
                pass


class Party:
    def __init__(self, key, periods, pinned):
        self.key, self.period, self.pinned, self.signed = key, periods.get(key.text), pinned, False

    def is_good(self, seconds):
        if self.period is None:
            return True
        start, end = self.period
        at = seconds * 1_000_000
        return start - start % 1_000_000 <= at and (end is None or at < end)

    def report(self, time=None):
        return {"key": self.key.text, "pinned": self.pinned, **({} if time is None else {"time": time})}


# The file.


def canonical(tenant, seq, entry_id, micros, actor, credential, action, object_, outcome, request, commitment):
    def text(value):
        data = value.encode()
        return len(data).to_bytes(4, "big") + data

    return b"".join(
        [
            b"\x01",
            tenant,
            seq.to_bytes(8, "big"),
            entry_id,
            micros.to_bytes(8, "big"),
            text(actor),
            b"\x00" if credential is None else b"\x01" + text(credential),
            text(action),
            text(object_),
            text(outcome),
            request,
            commitment,
        ]
    )


class Verifier:
    def __init__(self, first, keys, witnesses, trusted, needed):
        formats = (FORMAT, FORMAT_WITH_HEAD)
        beginnings = ['{"type":"log","format":"' + name + '",' for name in formats]
        if not first.startswith(tuple(beginnings)):
            raise Finding("format", None, "not a file of the format " + FORMAT)
        self.with_head, self.registered = first.startswith(beginnings[1]), None
        try:
            self.read_log(first)
        except Wrong as wrong:
            raise Finding("malformed", None, str(wrong)) from wrong
        if any(key.algorithm != NOTE for key in keys) or any(key.algorithm != COSIGNATURE for key in witnesses):
            raise Finding("trusted", None, "a key of the log was given as a witness's, or the other way round")
        pinned = {key.text for key in witnesses}
        self.required, self.needed = pinned, len(pinned) if needed is None else needed
        if self.needed > len(pinned):
            raise Finding("trusted", None, "more witnesses are to have cosigned than are named")
        if keys:
            self.log = [Party(key, self.keys, True) for key in keys]
        else:
            self.log = [Party(Key(text), self.keys, False) for text in self.keys]
        self.witnesses = [Party(key, self.cosigners, True) for key in witnesses]
        self.witnesses += [Party(Key(text), self.cosigners, False) for text in self.cosigners if text not in pinned]
        self.trusted = None if trusted is None else self.read_trusted(trusted)
        self.agrees = self.trusted is not None and self.trusted.size == 0
        self.held = self.first_seq - 1 if self.complete else 0
        self.frontier, self.begun, self.last, self.recent = Frontier(), False, None, []
        self.entries = self.withheld = self.checkpoints = self.strangers = 0
        self.first = self.latest = None
        self.cosigned = []

    def read_log(self, line):
        names = ["format", "tenant", "origin", "complete", "first_seq", "keys", "witnesses"]
        _, tenant, origin, complete, first, keys, witnesses = fields(line, "log", names)
        need(isinstance(complete, bool), "complete is true or false")
        self.tenant, self.origin, self.complete, self.first_seq = uuid_of(tenant), text_of(origin), complete, number_of(first)
        need(origin and not any(is_control(c) for c in origin), "no origin")
        need(first > 0 and (complete or first == 1), "entries are numbered from 1")
        self.keys, self.cosigners = self.read_keys(keys, NOTE), self.read_keys(witnesses, COSIGNATURE)

    @staticmethod
    def read_keys(listed, algorithm):
        need(isinstance(listed, list) and len(listed) <= MAX_KEYS, "too many keys")
        keys = {}
        for one in listed:
            need(isinstance(one, dict) and list(one) == ["key", "from", "until"], "no key")
            key = Key(one["key"])
            need(key.algorithm == algorithm, "no key of its kind")
            need(key.text not in keys, "a key is named twice")
            keys[key.text] = (micros_of(one["from"]), maybe(micros_of, one["until"]))
        return keys

    def read_trusted(self, whole):
        try:
            note = Note(whole)
            checkpoint = Checkpoint(note.text)
            need(checkpoint.origin == self.origin, "it is of another log")
            signed = [note.verify(party.key)[0] for party in self.log]
            need(any(signed), "it is not signed by a key of the log that counts here")
        except (Wrong, InvalidSignature) as wrong:
            raise Finding("trusted", None, f"the trusted checkpoint cannot be used: {wrong}") from wrong
        return checkpoint

    def next_seq(self):
        return self.first_seq if self.latest is None else self.latest + 1

    def line(self, line):
        kind = re.match(r'\{"type":"([^"]*)"', line)
        kind = kind.group(1) if kind else ""
        goes_on = self.complete and self.first_seq > 1
        if not self.begun and goes_on and kind != "frontier":
            raise Finding("frontier", self.next_seq(), "what the stretch goes on from is missing")
        begun, self.begun = self.begun, True
        if self.registered is not None and self.complete and kind in ("entry", "checkpoint"):
            raise Finding("misplaced", self.next_seq(), f"a line of the type {kind} does not belong behind a head's")
        try:
            if kind == "entry":
                self.entry(line)
            elif kind == "checkpoint":
                (note,) = fields(line, "checkpoint", ["note"])
                self.checkpoint(text_of(note))
            elif kind == "consistency":
                start, end, hashes = fields(line, "consistency", ["from", "to", "hashes"])
                self.consistency(unsigned(start), unsigned(end), hashes_of(hashes))
            elif kind == "head" and self.with_head:
                names = ["note", "blind", "begun", "begun_proof", "index", "time", "proof"]
                note, blind, begun_at, begun_proof, index, time, proof = fields(line, "head", names)
                self.head(
                    text_of(note),
                    hash_of(blind),
                    (unsigned(begun_at), hashes_of(begun_proof)),
                    unsigned(time),
                    (unsigned(index), hashes_of(proof)),
                )
            elif kind == "frontier" and goes_on and not begun:
                size, hashes = fields(line, "frontier", ["size", "hashes"])
                self.go_on(unsigned(size), hashes_of(hashes))
            elif kind in ("frontier", "log"):
                raise Finding("misplaced", self.next_seq(), f"a line of the type {kind} does not belong here")
            else:
                raise Wrong("of no known type")
        except Wrong as wrong:
            raise Finding("malformed", self.next_seq(), str(wrong)) from wrong

    def go_on(self, size, hashes):
        if size != self.first_seq - 1 or len(hashes) != bin(size).count("1"):
            raise Finding("frontier", self.next_seq(), "what the stretch goes on from does not fit")
        self.frontier = Frontier(size, hashes)
        self.meet()

    def meet(self):
        if self.trusted is not None and self.trusted.size == self.frontier.size:
            if self.trusted.root != self.frontier.root():
                raise self.split()
            self.agrees = True

    def split(self):
        within = self.complete and self.trusted.size >= self.first_seq
        return Finding("split", self.first_seq if within else 1, "the trusted checkpoint is of another history")

    def entry(self, line):
        following = self.next_seq()
        names = ["seq", "id", "time", "actor", "credential", "action", "object", "outcome", "request_id"]
        names += ["commitment", "leaf", "salt", "content"]
        # A proof stands last, or not at all.
        has_proof = self.has_proof(line)
        values = fields(line, "entry", names + ["proof"] * has_proof)
        seq, entry_id, time, actor, credential, action, object_, outcome, request, commitment, leaf, salt, content = values[:13]
        proof = hashes_of(values[13]) if has_proof else None
        need(proof is None or len(proof) <= MAX_PROOF, "the proof is too long")
        fixed = canonical(
            self.tenant,
            number_of(seq),
            uuid_of(entry_id),
            micros_of(time),
            text_of(actor),
            maybe(text_of, credential),
            text_of(action),
            text_of(object_),
            text_of(outcome),
            uuid_of(request),
            hash_of(commitment),
        )
        leaf, salt, content = hash_of(leaf), maybe(hash_of, salt), maybe(text_of, content)
        need((proof is None) == self.complete, "entries have proofs in selections, and only there")
        if self.complete and seq != following:
            raise self.gap(following, seq, leaf)
        if seq < following:
            raise Finding("order", max(seq, 1), f"the entry {seq} comes after the entry {following - 1}")
        if leaf_hash(fixed) != leaf:
            raise Finding("leaf", seq, "the entry is not what its leaf was made of")
        if (salt is None) != (content is None):
            raise Finding("half_shown", seq, "of salt and content, one is there and the other is not")
        if salt is None:
            self.withheld += 1
        elif sha256(b"yunshu audit content v1\n", salt, content.encode()) != hash_of(commitment):
            raise Finding("content", seq, "the content is not what the entry is committed to")
        self.entries += 1
        self.first, self.latest = (seq if self.first is None else self.first), seq
        if self.complete:
            self.frontier.push(leaf)
            if len(self.recent) < RECENT:
                self.recent.append(leaf)
            self.meet()
        elif self.last is None:
            raise Finding("misplaced", seq, "an entry stands before the checkpoint")
        elif not included(leaf, seq - 1, self.last.size, proof, self.last.root):
            raise Finding("proof", seq, "the entry's proof does not lead to the root that was signed")

    @staticmethod
    def has_proof(line):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise Wrong("no JSON") from error
        return isinstance(value, dict) and "proof" in value

    def gap(self, wanted, found, leaf):
        at = found - self.held - 1
        copied = at < 0 or (at < len(self.recent) and self.recent[at] == leaf)
        seq = found if found < wanted and not copied else wanted
        return Finding("gap", seq, f"here belongs the entry {wanted}, and the file has the entry {found}")

    def checkpoint(self, whole):
        behind = self.held + 1
        if not self.complete and self.last is not None:
            raise Finding("misplaced", self.next_seq(), "a selection has one checkpoint")
        try:
            note = Note(whole)
            checkpoint = Checkpoint(note.text)
        except Wrong as wrong:
            raise Finding("malformed", behind, f"its note is no signed checkpoint: {wrong}") from wrong
        if checkpoint.origin != self.origin:
            raise Finding("origin", behind, "the checkpoint is of another log")
        if checkpoint.time is None:
            raise Finding("no_time", behind, "the checkpoint does not say when it was made")
        self.signatures(note, checkpoint.time, behind)
        if self.complete:
            if checkpoint.size != self.frontier.size:
                raise Finding("place", behind, f"the checkpoint is over {checkpoint.size} entries, not {self.frontier.size}")
            if checkpoint.root != self.frontier.root():
                raise Finding("root", behind, "the entries are not those that the checkpoint was signed for")
            self.held, self.recent = checkpoint.size, []
        elif self.trusted is not None and self.trusted.size == checkpoint.size:
            if self.trusted.root != checkpoint.root:
                raise self.split()
            self.agrees = True
        self.checkpoints += 1
        self.last = checkpoint

    def signatures(self, note, time, behind):
        def verify(party):
            try:
                return note.verify(party.key)
            except InvalidSignature as error:
                raise Finding("signature", behind, f"not signed by {party.key.name}, which it names") from error

        known, good, late = 0, False, None
        for party in self.log:
            signed, _ = verify(party)
            if signed and party.is_good(time):
                party.signed = good = True
            elif signed:
                late = party.key.name
            known += len(note.of(party.key))
        if not good and late is not None:
            raise Finding("key_time", behind, f"signed when the key was not good: {late}")
        if not good:
            raise Finding("unsigned", behind, "signed by no key of the log that counts here")
        self.cosigned = []
        for party in self.witnesses:
            signed, when = verify(party)
            if signed and not party.is_good(when):
                raise Finding("key_time", behind, f"cosigned when the key was not good: {party.key.name}")
            if signed:
                self.cosigned.append(party.report(when))
            known += len(note.of(party.key))
        self.strangers += max(0, len(note.signatures) - known)

    def consistency(self, start, end, hashes):
        if self.last is None or self.last.size not in (start, end):
            raise Finding("misplaced", self.next_seq(), "no checkpoint that the proof is about stands before it")
        if self.trusted is None:
            return
        last, trusted = self.last, self.trusted
        if (start, end) == (trusted.size, last.size):
            holds = consistent(start, end, hashes, trusted.root, last.root)
        elif (start, end) == (last.size, trusted.size):
            holds = consistent(start, end, hashes, last.root, trusted.root)
        else:
            return
        if not holds:
            raise self.split()
        self.agrees = True

    def head(self, whole, blind, begun, time, stands):
        if self.last is None or self.registered is not None:
            raise Finding("misplaced", self.next_seq(), "a line of the type head does not belong here")
        try:
            note = Note(whole)
            register = Checkpoint(note.text)
        except Wrong as wrong:
            raise Finding("malformed", None, f"its note is no signed checkpoint: {wrong}") from wrong
        if register.origin != self.register_origin():
            raise Finding("origin", None, "the checkpoint is not of the register beside this log")
        if register.time is None:
            raise Finding("no_time", None, "the register's checkpoint does not say when it was made")
        cosigned = self.cosigned
        self.signatures(note, register.time, None)
        # What witnesses made of the log's own checkpoint is told apart.
        self.cosigned, by = cosigned, self.cosigned

        def proven(label, value, place):
            leaf = leaf_hash(b"\x01" + label + value)
            return included(leaf, place[0], register.size, place[1], register.root)

        began = proven(
            sha256(b"yunshu register tenant v1\n", self.tenant), sha256(b"yunshu register blind v1\n", blind), begun
        )
        slot, at = (time // SLOT).to_bytes(8, "big"), time.to_bytes(8, "big")
        head = [b"yunshu register head v1\n", blind, self.tenant, at, self.last.size.to_bytes(8, "big"), self.last.root]
        is_there = proven(sha256(b"yunshu register slot v1\n", blind, slot), sha256(*head), stands)
        if begun[0] >= stands[0] or time > register.time or not began or not is_there:
            raise Finding("head", None, "the last checkpoint is not in the register of all logs as it is said to be")
        self.registered = {
            "origin": register.origin,
            "size": register.size,
            "root": base64.b64encode(register.root).decode(),
            "time": register.time,
            "since": time,
            "cosigned": by,
        }

    def register_origin(self):
        digits = self.tenant.hex()
        ending = "/" + "-".join([digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]])
        if not self.origin.endswith(ending) or self.origin == ending:
            return None
        return self.origin[: -len(ending)] + "/register"

    def end(self):
        if not self.begun and self.complete and self.first_seq > 1:
            raise Finding("frontier", self.next_seq(), "what the stretch goes on from is missing")
        if self.last is None or (self.complete and self.last.size != self.frontier.size):
            raise Finding("open", self.held + 1, "no checkpoint covers the last entries")
        if self.trusted is not None and not self.agrees:
            if self.trusted.size > self.last.size:
                raise Finding("rolled_back", self.last.size + 1, "the file ends before the trusted checkpoint")
            raise Finding("unlinked", self.first_seq, "nothing leads from the trusted checkpoint to the file")
        of_register = self.registered["cosigned"] if self.registered else []
        missing = self.required - {one["key"] for one in self.cosigned + of_register}
        if len(self.required) - len(missing) < self.needed:
            raise Finding("witness", None, f"not cosigned by {sorted(missing)[0]}")
        return self.report()

    def report(self):
        warnings = []
        if not any(party.pinned for party in self.log):
            warnings.append("keys_from_file")
        if self.trusted is None:
            warnings.append("nothing_trusted")
        if not self.complete:
            warnings.append("selection")
        warnings += ["period_unknown" for party in self.log if party.signed and party.period is None]
        if self.strangers:
            warnings.append("strangers")
        return {
            "origin": self.origin,
            "complete": self.complete,
            "entries": self.entries,
            "withheld": self.withheld,
            "checkpoints": self.checkpoints,
            "first_seq": self.first,
            "last_seq": self.latest,
            "size": self.last.size,
            "root": base64.b64encode(self.last.root).decode(),
            "time": self.last.time,
            "signed": [party.report() for party in self.log if party.signed],
            "cosigned": self.cosigned,
            **({} if self.registered is None else {"register": self.registered}),
            "agrees_with": None if self.trusted is None else self.trusted.size,
            "warnings": warnings,
        }


def unsigned(value):
    need(type(value) is int and 0 <= value < 2**64, "a number is not one")
    return value


def lines_of(stream):
    while True:
        line = stream.readline(MAX_LINE + 1)
        if not line:
            return
        if len(line) > MAX_LINE:
            yield "too_long", None
        elif not line.endswith(b"\n"):
            yield "malformed", None
        else:
            try:
                yield None, line[:-1].decode()
            except UnicodeDecodeError:
                yield "malformed", None


def verify(stream, keys=(), witnesses=(), trusted=None, needed=None):
    """A report, or a Finding that is raised and knows its line."""
    number, verifier = 1, None
    try:
        for number, (wrong, line) in enumerate(lines_of(stream), 1):
            if wrong is not None:
                raise Finding(wrong, verifier.next_seq() if verifier else None, "the line is too long, cut off or no UTF-8")
            if verifier is None:
                verifier = Verifier(line, list(keys), list(witnesses), trusted, needed)
            else:
                verifier.line(line)
        if verifier is None:
            raise Finding("format", None, "the file is empty")
        number += 1
        return verifier.end()
    except Finding as finding:
        finding.line = number
        raise


def main():
    parser = argparse.ArgumentParser(description=f"Verifies a file in the format {FORMAT} or {FORMAT_WITH_HEAD}, offline.")
    parser.add_argument("file", help="the file; - reads standard input")
    parser.add_argument("--key", action="append", default=[], help="a key of the log that you got from elsewhere")
    parser.add_argument("--trusted", help="a file with a checkpoint from before")
    parser.add_argument("--witness", action="append", default=[], help="the key of a witness who must have cosigned")
    parser.add_argument("--witnesses-needed", type=int, metavar="N", help="so many of them must have; all, if not given")
    parser.add_argument("--json", action="store_true", help="write what was verified, or found, as JSON")
    ask = parser.parse_args()
    try:
        keys, witnesses = [Key(key) for key in ask.key], [Key(key) for key in ask.witness]
    except Wrong as wrong:
        parser.error(f"not a key as name+id+key: {wrong}")
    try:
        trusted = None
        if ask.trusted is not None:
            with open(ask.trusted, encoding="utf-8", newline="") as file:
                trusted = file.read()
        stream = sys.stdin.buffer if ask.file == "-" else open(ask.file, "rb")
        with stream:
            report = verify(stream, keys, witnesses, trusted, ask.witnesses_needed)
    except (OSError, UnicodeDecodeError) as error:
        sys.exit(f"cannot read: {error}")
    except Finding as finding:
        found = {"seq": finding.seq, "line": finding.line, "code": finding.code, "text": finding.text}
        if ask.json:
            print(json.dumps({"verified": False, "finding": found}, indent=2))
        place = "nothing of it is" if finding.seq is None else f"from entry {finding.seq} on, it is not"
        sys.exit(f"{place} to be believed (line {finding.line}): {finding.text}")
    if ask.json:
        print(json.dumps({"verified": True, "report": report}, indent=2))
    else:
        for name, value in report.items():
            print(f"{name}: {value}")


if __name__ == "__main__":
    main()
