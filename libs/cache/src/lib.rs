//! What is forgettable.
//!
//! # What it guarantees
//! A value comes back as it was put, for the key it was put under, until its time is over; or it is a miss. The key is
//! `v1:{tenant}:{kind}:{id}`, and what is stored says the same three things: what another hand, another version or a mistake
//! has put there is a miss and a line in the log. A value that is taken is taken by one, however many ask at once. A
//! [`Counter`] lets through no more than its rate, in all processes together while they share a Redis, in each of them
//! while they do not.
//!
//! # What it refuses
//! To be needed. Without Redis everything is slower and nothing is wrong: an error is a miss, and a counter counts for itself.
//! Whoever asks waits 200 ms at most, and once: after a failure nobody asks for a while, then one asks for all ([`circuit`]).
//! A connection on which a call was given up is not used again, for the next answer on it may be the one nobody waited for.
//! Secrets: a `SecretString` cannot be serialised, so it cannot be put.
//!
//! # What it is not
//! A copy of something that changes. A `put` that did not reach Redis leaves what was there until its time is over. So
//! what is put under a key does not change, or may be as old as its [`Ttl`].
//!
//! # What it was born from
//! A cache key without the tenant in it, by which one tenant read another's page; a client library that gave one caller the
//! answer to another's cancelled question; and a site that stood still because each of its requests waited half a second
//! for a cache that was away.

mod circuit;
mod counter;
mod key;
mod place;
mod process;
mod remote;
mod stored;

use clock::Clock;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use counter::{Counter, Rate, Taken};
pub use key::{Key, Ttl};
pub use remote::{Address, NotAnAddress};

use place::Place;
use process::Process;
use remote::Remote;
use stored::Stored;

/// A cache. Clones share what is in it.
#[derive(Clone)]
pub struct Cache {
    place: Place,
    clock: Clock,
}

impl Cache {
    /// In this process, within 64 MiB.
    pub fn process(clock: Clock) -> Self {
        let place = Place::Process(Process::new());
        Self { place, clock }
    }

    /// In Redis, shared with other processes. It is reached when it is first needed.
    pub fn redis(address: &Address, clock: Clock) -> Result<Self, NotAnAddress> {
        let place = Place::Remote(Remote::new(address)?);
        Ok(Self { place, clock })
    }

    /// The value, if it is there.
    pub async fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        Stored::open(key, &self.place.get(&key.text()).await?)
    }

    /// Puts a value of at most 64 KiB. Nobody is told whether it worked: a miss afterwards is no lie.
    pub async fn put<T: Serialize>(&self, key: &Key, value: &T, ttl: Ttl) {
        let Some(text) = Stored::seal(key, value) else { return };
        self.place.put(key.text(), text, ttl.get()).await;
    }

    /// Gives the value to one caller and removes it: for state that is good for a single use.
    pub async fn take<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        Stored::open(key, &self.place.take(&key.text()).await?)
    }

    /// A counter of this kind (one word). Made once and kept: it counts in this process too.
    pub fn counter(&self, kind: &'static str, rate: Rate) -> Counter {
        let remote = match &self.place {
            Place::Process(_) => None,
            Place::Remote(remote) => Some(remote.clone()),
        };
        Counter::new(kind, rate, remote, self.clock.clone())
    }
}
