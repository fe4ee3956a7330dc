use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// What keeps a file from being believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// From which entry on it is not believed: the very one where its leaf tells, otherwise the first behind the last
    /// checkpoint that held. None where nothing of it is believed.
    pub seq: Option<u64>,
    /// In which line it was seen, from 1.
    pub line: u64,
    /// What was seen.
    pub what: What,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(String),
    /// A line is longer than any may be.
    #[error("the line is longer than any may be")]
    TooLong,
    /// A line is not one of the format.
    #[error("the line is not one of the format: {0}")]
    Malformed(&'static str),
    /// Another format, or a newer one.
    #[error("the file does not begin as a file of the format yunshu-audit/1 or yunshu-audit/2 does")]
    Format,
    /// A line that has no business at its place.
    #[error("a line of the type {0} does not belong here")]
    Misplaced(String),
    /// What a stretch goes on from is missing or does not fit.
    #[error("the stretch begins after the first entry, and what it goes on from is missing or does not fit")]
    Frontier,
    /// Another entry than the next.
    #[error(
        "here belongs the entry {wanted}, and the file has the entry {found}: entries were removed, added or moved"
    )]
    Gap {
        /// The number that comes next.
        wanted: u64,
        /// The number that the file has.
        found: u64,
    },
    /// In a selection: numbers do not grow.
    #[error("the entry {found} comes after the entry {last}: entries were repeated or moved")]
    Order {
        /// The number before.
        last: u64,
        /// The number that the file has.
        found: u64,
    },
    /// The fields are not those that the leaf was made of.
    #[error("the entry is not what its leaf was made of: it was changed, or is from another log")]
    Leaf,
    /// Salt without content, or content without salt.
    #[error("of salt and content, one is there and the other is not")]
    HalfShown,
    /// Salt and content are not those that the commitment was made of.
    #[error("the content is not what the entry is committed to: content or salt was changed or exchanged")]
    Content,
    /// In a selection: the entry is not in the log that was signed.
    #[error("the entry's proof does not lead to the root that was signed")]
    Proof,
    /// The origin is another.
    #[error("the checkpoint is of another log: {0:?}")]
    Origin(String),
    /// Nobody whose word counts signed.
    #[error("the checkpoint is signed by no key of the log that counts here")]
    Unsigned,
    /// A signature that the named key did not make.
    #[error("a signature of the checkpoint is not by the key that it names: {0}")]
    Signature(String),
    /// A checkpoint that does not say when it was made.
    #[error("the checkpoint does not say when it was made")]
    NoTime,
    /// Signed when the key was not good.
    #[error("the checkpoint was signed when the key was not yet or no longer good: {0}")]
    KeyTime(String),
    /// A checkpoint over more or fewer entries than come before it.
    #[error(
        "the checkpoint is over {size} entries, and before it the log has {entries}: entries were removed or added"
    )]
    Place {
        /// What it says.
        size: u64,
        /// What there is.
        entries: u64,
    },
    /// The entries are not those that were signed.
    #[error("the entries up to here are not those that the checkpoint over {0} entries was signed for")]
    Root(u64),
    /// Entries that no checkpoint covers.
    #[error("no checkpoint covers the last entries: the end was cut off or added")]
    Open,
    /// The trusted checkpoint cannot be used.
    #[error("the trusted checkpoint cannot be used: {0}")]
    Trusted(&'static str),
    /// Another history than that of the trusted checkpoint.
    #[error("the log had another history when the trusted checkpoint over {0} entries was signed: there are two logs")]
    Split(u64),
    /// An older state than the trusted checkpoint.
    #[error(
        "the file ends before the trusted checkpoint over {0} entries: the log was rolled back, or the file is old"
    )]
    RolledBack(u64),
    /// Nothing leads from the trusted checkpoint to the file.
    #[error("nothing in the file leads from the trusted checkpoint over {0} entries to what the file has")]
    Unlinked(u64),
    /// The register does not have the head that is said to be in it.
    #[error(
        "the last checkpoint is not in the register of all logs as it is said to be: somebody else may be shown another"
    )]
    Head,
    /// A witness that must have cosigned did not.
    #[error("the last checkpoint is not cosigned by {0}")]
    Witness(String),
}

impl What {
    /// One word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLong => "too_long",
            Self::Malformed(_) => "malformed",
            Self::Format => "format",
            Self::Misplaced(_) => "misplaced",
            Self::Frontier => "frontier",
            Self::Gap { .. } => "gap",
            Self::Order { .. } => "order",
            Self::Leaf => "leaf",
            Self::HalfShown => "half_shown",
            Self::Content => "content",
            Self::Proof => "proof",
            Self::Origin(_) => "origin",
            Self::Unsigned => "unsigned",
            Self::Signature(_) => "signature",
            Self::NoTime => "no_time",
            Self::KeyTime(_) => "key_time",
            Self::Place { .. } => "place",
            Self::Root(_) => "root",
            Self::Open => "open",
            Self::Trusted(_) => "trusted",
            Self::Split(_) => "split",
            Self::RolledBack(_) => "rolled_back",
            Self::Unlinked(_) => "unlinked",
            Self::Head => "head",
            Self::Witness(_) => "witness",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seq {
            Some(seq) => write!(
                f,
                "not to be believed from entry {seq} on (line {}): {}",
                self.line, self.what
            ),
            None => write!(f, "nothing of it is to be believed (line {}): {}", self.line, self.what),
        }
    }
}

impl std::error::Error for Finding {}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut fields = to.serialize_struct("Finding", 4)?;
        fields.serialize_field("seq", &self.seq)?;
        fields.serialize_field("line", &self.line)?;
        fields.serialize_field("code", self.what.code())?;
        fields.serialize_field("text", &self.what.to_string())?;
        fields.end()
    }
}
