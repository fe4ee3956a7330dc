//! How often somebody may do something.
//!
//! Two counters, of which the tighter decides. The one in this process ([`here`]) is a token bucket; it comes first, so that a
//! flood is stopped without Redis being asked, and it goes on alone while Redis is away. The one in Redis ([`shared`]) counts
//! what all processes let through.

mod here;
mod shared;

use std::time::Duration;

use clock::Clock;
use serde::Deserialize;

use crate::Key;
use crate::remote::Remote;
use here::Here;
use shared::Shared;

/// So many a second, so many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Refill.
    pub per_second: u32,
    /// Size.
    pub burst: u32,
}

/// What is left after one was taken, or was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// There was one left to take.
    pub granted: bool,
    /// So many are left.
    pub left: u32,
    /// Until all are there again, or, when none was left, until there is one.
    pub reset: Duration,
}

/// Counts what each key does.
pub struct Counter {
    kind: &'static str,
    rate: Rate,
    here: Here,
    shared: Option<Shared>,
}

impl Counter {
    pub(crate) fn new(kind: &'static str, rate: Rate, remote: Option<Remote>, clock: Clock) -> Self {
        Self {
            kind,
            rate,
            here: Here::new(rate),
            shared: remote.map(|remote| Shared::new(remote, rate, clock)),
        }
    }

    /// What it counts by.
    pub const fn rate(&self) -> Rate {
        self.rate
    }

    /// What its keys are called.
    pub const fn kind(&self) -> &'static str {
        self.kind
    }

    /// Takes one of this key's.
    pub async fn take(&self, key: &Key) -> Taken {
        let here = self.here.take(key);
        let Some(shared) = self.shared.as_ref().filter(|_| here.granted) else {
            return here;
        };
        match shared.take(key).await {
            Some(there) if !there.granted || there.left <= here.left => there,
            _ => here,
        }
    }

    /// Takes one of this key's in this process alone: where there is no time to ask anybody.
    pub fn take_here(&self, key: &Key) -> Taken {
        self.here.take(key)
    }
}
