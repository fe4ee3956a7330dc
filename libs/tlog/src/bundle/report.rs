use serde::Serialize;

use crate::Hash;

/// What was verified, when all of it held.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whose log it is.
    pub tenant: String,
    /// What the log is called.
    pub origin: String,
    /// Whether the file has every entry between its first and its last.
    pub complete: bool,
    /// How many entries.
    pub entries: u64,
    /// How many of them without their content: withheld or erased.
    pub withheld: u64,
    /// How many checkpoints.
    pub checkpoints: u64,
    /// The number of the first entry.
    pub first_seq: Option<u64>,
    /// The number of the last entry.
    pub last_seq: Option<u64>,
    /// The size that was signed last.
    pub size: u64,
    /// The root that was signed last.
    pub root: Hash,
    /// When it was signed, in seconds since 1970.
    pub time: u64,
    /// Who signed any of the checkpoints.
    pub signed: Vec<Signed>,
    /// Who cosigned the last.
    pub cosigned: Vec<Signed>,
    /// What the register has of the last, where the file tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub register: Option<Registered>,
    /// The size of the trusted checkpoint that all of it agrees with.
    pub agrees_with: Option<u64>,
    /// What the reader should know before believing it.
    pub warnings: Vec<Warning>,
}

/// That the last checkpoint stands in the register of all logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registered {
    /// What the register is called.
    pub origin: String,
    /// How many leaves it had.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// When it was signed, in seconds since 1970.
    pub time: u64,
    /// When the checkpoint was registered, in seconds since 1970.
    pub since: u64,
    /// Who cosigned the register.
    pub cosigned: Vec<Signed>,
}

/// Who signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Signed {
    /// The key.
    pub key: String,
    /// From when it was good, as the file has it.
    pub from: Option<String>,
    /// Until when it was good, as the file has it.
    pub until: Option<String>,
    /// Whether whoever verifies named the key; otherwise the file did.
    pub pinned: bool,
    /// Of a cosignature: when it was made, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<u64>,
}

/// What the reader should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// One word for programs.
    pub code: &'static str,
    /// In plain words.
    pub text: String,
}

impl Warning {
    pub(super) fn keys_from_file() -> Self {
        Self {
            code: "keys_from_file",
            text: "the keys of the log are taken from the file itself: whoever made the file may have made them; name the key \
                   that you got from elsewhere"
                .to_owned(),
        }
    }

    pub(super) fn nothing_trusted() -> Self {
        Self {
            code: "nothing_trusted",
            text: "no checkpoint from before was given: a history that its own signer rewrote as a whole would look the same"
                .to_owned(),
        }
    }

    pub(super) fn selection() -> Self {
        Self {
            code: "selection",
            text: "the file is a selection: it proves the entries that it has, and nothing of those that it has not"
                .to_owned(),
        }
    }

    pub(super) fn period_unknown(key: &str) -> Self {
        Self {
            code: "period_unknown",
            text: format!("the file does not say when this key was good: {key}"),
        }
    }

    pub(super) fn strangers(count: u64) -> Self {
        Self {
            code: "strangers",
            text: format!("signatures by keys that neither you nor the file names, which count for nothing: {count}"),
        }
    }
}
