//! The only client that may reach an address somebody typed.
//!
//! # What it guarantees
//! A connection is made to public addresses only, and to networks that the operator has opened. The check stands where the connection is made: names are resolved by
//! a resolver that hands the connector nothing but addresses it has checked, so a name that changes its address
//! between check and use (DNS rebinding) changes nothing. Addresses written as numbers pass the same check, in every
//! spelling (`0x7f.1`, `2130706433`, `[::ffff:7f00:1]`) because the URL standard makes one of them. Each redirect is a
//! new URL and is checked as such.
//!
//! # What it refuses
//! Schemes other than `http` and `https`, ports that are not allowed, credentials in the URL, proxies from the
//! environment, answers that are too long, too slow, or packed.
//!
//! # What it does not tell
//! [`Error::Unreachable`] is the answer to a private address, to a closed port and to a name that does not exist: the
//! client is no means to map the network it runs in. The reason goes to the log.

mod address;
mod client;
mod resolve;
mod target;

pub use address::is_public;
pub use client::{Download, Egress, Error, Limits};
pub use target::{Target, TargetError};
