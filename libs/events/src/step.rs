//! The steps of feeding by themselves: what decides, apart from the database and the broker about which it decides.
//!
//! [`crate::run`] and [`crate::relay`] are these steps in a loop. Nobody else needs them but a simulation, which runs them
//! where any of them may be the last of its process and any answer may be lost.

pub use crate::consumer::{Next, Trouble, round};
pub use crate::kafka::record::{News, Record, key};
pub use crate::kafka::relay::{Error as NotTold, Told, step as relay};
pub use crate::kafka::settle::{Later, Settler};
pub use crate::ledger::{Ledger, Page};
pub use crate::park::{Parked, unpark};
