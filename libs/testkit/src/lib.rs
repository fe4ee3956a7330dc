//! Databases, callers and servers for tests.
//!
//! Each test has a database of its own, cloned from a migrated template, and reaches it as the application's role: the
//! owner and superusers pass row security and prove nothing. Services listen on port 0; a [`Client`] signs the passport
//! the gateway would have signed. Waiting is level-triggered with a deadline ([`eventually`]).
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on ends loudly, and so does its kit"
)]

mod authority;
mod bench;
mod client;
mod database;
mod race;
mod vault;
mod wait;
mod wire;

pub use authority::Authority;
pub use bench::{Bench, TestTenant, external};
pub use client::{Client, Reply};
pub use race::{ROUNDS, RUNNERS, race};
pub use vault::{Mood, Vault};
pub use wait::eventually;
pub use wire::Wire;
