//! A witness: cosigns the checkpoints of logs it knows, if they only grew.
//!
//! # What it guarantees
//! Of one log it never cosigns two roots of one size, nor a smaller size after a larger one, nor a checkpoint that was not
//! proven to continue the one before. What it has cosigned is on the disk before anybody hears of it, so that this holds
//! whenever the process dies. Two who were shown different states of one log, both cosigned, have therefore seen one history.
//!
//! # What it refuses
//! Logs whose keys it was not given, and more logs than it was told to keep.
//!
//! # What it was born from
//! Whoever holds the key of a log can sign two histories of it and show each to somebody else, and each verifies. Only a
//! third party who sees what both are shown finds that out. That party must share nothing with the log: no database, no key,
//! best no machine.
//!
//! The protocol is c2sp.org/tlog-witness. [`request`] reads what is asked, [`ledger`] keeps what was cosigned, [`judge`]
//! decides, [`server`] answers over HTTP, [`cli`] is what can be asked of
//! the binary.

pub mod cli;
pub mod judge;
pub mod ledger;
pub mod request;
pub mod server;
pub mod settings;

pub use judge::{Refusal, Witness};
pub use settings::Settings;
