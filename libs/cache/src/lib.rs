//! What is forgettable.
//!
//! # What it guarantees
//! A [`Counter`] lets through no more than its rate, in all processes together while they share a Redis, in each of them
//! while they do not. What it counts by is kept under `v1:{tenant}:{kind}:{id}`; what another hand or a mistake has put there is
//! removed, and a line in the log.
//!
//! # What it refuses
//! To be needed. Without Redis everything is slower and nothing is wrong: a counter counts for itself.
//! Whoever asks waits 200 ms at most, and once: after a failure nobody asks, and it is looked every so often, with nobody
//! waiting for it, whether it is back ([`circuit`]).
//! A connection on which a call was given up is not used again, for the next answer on it may be the one nobody waited for.
//!
//! # What it was born from
//! A cache key without the tenant in it, by which one tenant read another's page; a client library that gave one caller the
//! answer to another's cancelled question; and a site that stood still because each of its requests waited half a second
//! for a cache that was away.

mod circuit;
mod counter;
mod key;
mod remote;

use clock::Clock;

pub use counter::{Counter, Rate, Taken};
pub use key::Key;
pub use remote::{Address, NotAnAddress};

use remote::Remote;

/// Where counts are kept. Clones share it.
#[derive(Clone)]
pub struct Cache {
    remote: Option<Remote>,
    clock: Clock,
}

impl Cache {
    /// In this process alone.
    pub const fn process(clock: Clock) -> Self {
        Self { remote: None, clock }
    }

    /// In Redis, shared with other processes. It is reached when it is first needed.
    pub fn redis(address: &Address, clock: Clock) -> Result<Self, NotAnAddress> {
        let remote = Some(Remote::new(address)?);
        Ok(Self { remote, clock })
    }

    /// A counter of this kind (one word). Made once and kept: it counts in this process too.
    pub fn counter(&self, kind: &'static str, rate: Rate) -> Counter {
        Counter::new(kind, rate, self.remote.clone(), self.clock.clone())
    }
}
