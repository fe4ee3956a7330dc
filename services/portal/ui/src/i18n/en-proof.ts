/** How the audit log proves itself, and what its verification says. */
export const proof = {
  "proof.title": "Proof",
  "proof.entries": "Entries",
  "proof.export": "Verifiable",

  "proof.latest": "Latest checkpoint",
  "proof.latest.hint":
    "A signed statement of what the log was. Keep one where nobody of the platform can reach it: no later log that contradicts it will verify.",
  "proof.earlier": "Earlier checkpoints",
  "proof.none": "Nothing has been signed yet",
  "proof.none.hint": "The first checkpoint comes within seconds of the first entry.",
  "proof.size": "Entries covered",
  "proof.signed_at": "Signed",
  "proof.root": "Root",
  "proof.keep": "Keep",
  "proof.copy": "Copy checkpoint",
  "proof.download": "Download checkpoint",

  "proof.keys": "Keys that sign",
  "proof.keys.hint":
    "Note them outside of this platform, and verify with them: a log that was forged with another key is found then.",
  "proof.keys.none": "No key has signed yet",
  "proof.key": "Key",
  "proof.key.from": "Signs since",
  "proof.key.until": "Until",
  "proof.key.now": "in use",

  "proof.verify": "Verify",
  "proof.verify.hint":
    "The signatures and every hash are checked in this browser. The more you bring from elsewhere, the less you have to believe.",
  "proof.kept": "Checkpoint that you kept (optional)",
  "proof.kept.hint": "The log must go on from exactly this state.",
  "proof.kept.choose": "Choose a checkpoint",
  "proof.pinned": "Keys that you noted (optional)",
  "proof.pinned.hint": "One per line. Without any, the keys that the file names are believed.",
  "proof.pinned.bad": "A key is written name+id+key, copied whole.",
  "proof.cosigned": "Cosigned by",
  "proof.cosigned.none": "nobody yet",
  "proof.witnesses": "Keys of witnesses (optional)",
  "proof.witnesses.hint":
    "One per line: whoever must have cosigned the last checkpoint. A history that is shown to you alone has no cosignature.",
  "proof.witnesses.bad":
    "A key of a witness is written name+id+key, copied whole; the keys of the log are others.",
  "proof.needed": "How many of them",
  "proof.needed.hint": "All, if nothing is said.",
  "proof.report.cosigned": "Cosigned by",
  "proof.now": "Verify now",
  "proof.now.what": "The whole log, as it is now",
  "proof.file": "Verify a file",
  "proof.file.hint": "or drop a verifiable export here. It does not leave this machine.",
  "proof.progress": "Verifying: {{number}} entries so far",
  "proof.cancel": "Cancel",
  "proof.cancelled": "Stopped before the end: nothing is known.",

  "proof.good": "Everything holds",
  "proof.good.stretch":
    "All {{entries}} entries from {{first}} to {{last}} are what was signed, in their order.",
  "proof.good.selection":
    "Each of the {{entries}} entries between {{first}} and {{last}} is in the log that was signed.",
  "proof.good.none": "The file has no entries; the checkpoint over {{size}} entries holds.",
  "proof.bad.all": "Nothing of it is to be believed",
  "proof.bad.from": "Not to be believed from entry {{seq}} on",
  "proof.bad.line": "{{what}}, line {{line}}",

  "proof.report.entries": "Entries",
  "proof.report.withheld": "Without content (withheld or erased)",
  "proof.report.checkpoints": "Checkpoints",
  "proof.report.last": "Signed last",
  "proof.report.last.is": "{{size}} entries, {{time}}",
  "proof.report.agrees": "Kept checkpoint",
  "proof.report.agrees.none": "none given",
  "proof.report.agrees.with": "agrees, over {{size}} entries",
  "proof.report.register": "Register of all logs",
  "proof.report.register.is": "is in it, as signed on {{time}}; cosigned by {{number}}",
  "proof.report.log": "Log",
  "proof.report.signed": "Signed by",
  "proof.report.pinned": "(the key that you named)",
  "proof.report.from_file": "(a key that the file names)",

  "proof.warnings": "Before you believe it",
  "proof.warning.keys_from_file":
    "The keys are taken from the file itself: whoever made the file may have made them. Name the key that you got from elsewhere.",
  "proof.warning.nothing_trusted":
    "No checkpoint from before was given: a history that its own signer rewrote as a whole would look the same.",
  "proof.warning.selection":
    "The file is a selection: it proves the entries that it has, and nothing of those that it has not.",
  "proof.warning.period_unknown": "The file does not say when this key was good: {{key}}",
  "proof.warning.strangers":
    "Signatures by keys that neither you nor the file names, which count for nothing: {{number}}",

  "proof.finding.unreadable":
    "The file broke off before it could be read to its end ({{why}}). Try again; if it stays so, ask for it anew.",
  "proof.finding.too_long": "A line is longer than any may be.",
  "proof.finding.malformed":
    "A line is not written as the format demands: it was changed, cut off or damaged.",
  "proof.finding.beyond":
    "A number is larger than a browser can count to without mistakes (2^53 − 1). Verify this file with “yunshu audit verify”.",
  "proof.finding.format": "This is no verifiable export (yunshu-audit/1).",
  "proof.finding.misplaced": "A line of the type “{{kind}}” does not belong there.",
  "proof.finding.frontier":
    "The file begins after the first entry, and what it goes on from is missing or does not fit.",
  "proof.finding.gap":
    "Entry {{wanted}} belongs there, and the file has entry {{found}}: entries were removed, added or moved.",
  "proof.finding.order": "Entry {{found}} comes after entry {{last}}: entries were repeated or moved.",
  "proof.finding.leaf": "The entry was changed, or is from another log.",
  "proof.finding.half_shown": "Of the entry's content and its salt, one is there and the other is not.",
  "proof.finding.content": "The entry's content was changed or exchanged.",
  "proof.finding.proof": "The entry is not in the log that was signed.",
  "proof.finding.origin": "A checkpoint is of another log: {{name}}",
  "proof.finding.unsigned": "A checkpoint is signed by no key that counts here.",
  "proof.finding.signature": "A signature is not by the key that it names: {{name}}",
  "proof.finding.no_time": "A checkpoint does not say when it was made.",
  "proof.finding.key_time": "A checkpoint was signed when the key was not yet or no longer good: {{name}}",
  "proof.finding.place":
    "A checkpoint is over {{size}} entries, and before it the log has {{entries}}: entries were removed or added.",
  "proof.finding.root":
    "The entries up to there are not those that the checkpoint over {{size}} entries was signed for.",
  "proof.finding.open": "No checkpoint covers the last entries: the end was cut off or added.",
  "proof.finding.trusted": "The checkpoint that you gave is none, or was not copied whole.",
  "proof.finding.trusted_origin": "The checkpoint that you gave is of another log.",
  "proof.finding.trusted_unsigned": "The checkpoint that you gave is signed by no key that counts here.",
  "proof.finding.trusted_kind":
    "The key that you named is a witness's and not the log's, or the other way round.",
  "proof.finding.trusted_witnesses": "More witnesses are to have cosigned than you named.",
  "proof.finding.split":
    "The log had another history when your checkpoint over {{size}} entries was signed: there are two logs.",
  "proof.finding.rolled_back":
    "The file ends before your checkpoint over {{size}} entries: the log was rolled back, or the file is old.",
  "proof.finding.unlinked":
    "Nothing in the file leads from your checkpoint over {{size}} entries to what the file has.",
  "proof.finding.head":
    "The last checkpoint is not in the register of all logs as it is said to be: somebody else may be shown another history.",
  "proof.finding.witness": "The last checkpoint is not cosigned by {{name}}.",
};
