//! The file that an auditor gets, `yunshu-audit/1` or, with the line of a head, `yunshu-audit/2`: its lines, written one at a time, and what verifies them.
//!
//! Every line is a JSON object in one spelling only: fields in the order of the format, no white space, and in texts no
//! escape but the shortest of those that JSON demands. A line that says the same in another way is refused: what was
//! written is then what was read, bit by bit, and a second implementation cannot read something else in it.
//!
//! Whoever reads version 1 refuses lines that it does not know. So what has such a line says so in its first: it is refused as
//! another format, and not as one that somebody spoilt.

use crate::register::Blind;
use crate::{Entry, Error, Frontier, Hash, PublicKey};

mod entry_line;
mod finding;
mod head;
mod lines;
mod report;
mod signers;
mod state;
mod wire;

pub use finding::{Finding, What};
pub use report::{Registered, Report, Signed, Warning};
pub use state::{Trust, verify};

/// What the first line names.
pub const FORMAT: &str = "yunshu-audit/1";

/// What the first line names where one of the lines is a head's.
pub const FORMAT_WITH_HEAD: &str = "yunshu-audit/2";

/// No line is longer, newline included.
pub const MAX_LINE: usize = 8 * 1024 * 1024;

/// So many keys, and so many witnesses, a file may name.
pub const MAX_KEYS: usize = 1000;

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Whose log it is.
    pub tenant: [u8; 16],
    /// What the log is called in checkpoints.
    pub origin: String,
    /// Whether every entry from `first_seq` to the last checkpoint is here; otherwise each comes with a proof.
    pub complete: bool,
    /// The number of the first entry; 1 for a selection.
    pub first_seq: u64,
    /// Every key that the log was signed with.
    pub keys: Vec<KnownKey>,
    /// Every witness.
    pub witnesses: Vec<KnownKey>,
}

/// A key, and when it was good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownKey {
    /// The key.
    pub key: PublicKey,
    /// From then on, in microseconds since 1970.
    pub from: i64,
    /// Not from then on.
    pub until: Option<i64>,
}

/// A line with an entry.
#[derive(Debug, Clone, Copy)]
pub struct EntryLine<'a> {
    /// What it says.
    pub entry: Entry<'a>,
    /// Its hash as it is kept; that it is the right one is for the reader to find out.
    pub leaf: Hash,
    /// Salt and content, unless withheld or erased.
    pub shown: Option<Shown<'a>>,
    /// In a selection: from the leaf to the root of the checkpoint.
    pub proof: Option<&'a [Hash]>,
}

/// A line that tells where the checkpoint before it stands in the register.
#[derive(Debug, Clone)]
pub struct HeadLine<'a> {
    /// The register's checkpoint, as a signed note.
    pub note: &'a str,
    /// The log's blind.
    pub blind: Blind,
    /// Where it was registered, and the proof from there.
    pub begun: (u64, Vec<Hash>),
    /// When the head was registered, in seconds since 1970.
    pub time: u64,
    /// Where it stands, and the proof from there.
    pub head: (u64, Vec<Hash>),
}

impl HeadLine<'_> {
    /// Appends the line.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        wire::append(&wire::Head::of(self), out)
    }
}

/// What opens a commitment.
#[derive(Debug, Clone, Copy)]
pub struct Shown<'a> {
    /// The salt.
    pub salt: [u8; 32],
    /// The content, a JSON text.
    pub content: &'a str,
}

impl LogLine {
    /// Appends the line.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        wire::append(&wire::Log::of(self, FORMAT)?, out)
    }

    /// Appends the line of a file that has the line of a head.
    pub fn write_with_head(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        wire::append(&wire::Log::of(self, FORMAT_WITH_HEAD)?, out)
    }
}

impl EntryLine<'_> {
    /// Appends the line.
    pub fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        wire::append(&wire::EntryOut::of(self)?, out)
    }
}

/// Appends the line of a frontier: what a stretch that does not begin with the first entry goes on from.
pub fn write_frontier(frontier: &Frontier, out: &mut Vec<u8>) -> Result<(), Error> {
    let hashes = frontier.hashes().to_vec();
    wire::append(&wire::Frontier::of(frontier.size(), hashes), out)
}

/// Appends the line of a checkpoint, behind the last entry that it covers; in a selection, before the first.
pub fn write_checkpoint(note: &str, out: &mut Vec<u8>) -> Result<(), Error> {
    wire::append(&wire::Checkpoint::of(note), out)
}

/// Appends the line of a consistency proof, behind the checkpoint that is one of its ends.
pub fn write_consistency(from: u64, to: u64, hashes: &[Hash], out: &mut Vec<u8>) -> Result<(), Error> {
    wire::append(&wire::Consistency::of(from, to, hashes.to_vec()), out)
}

#[cfg(test)]
mod tests;
