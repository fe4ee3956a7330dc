//! Identity's public keys, kept as long as they are good and a while longer when identity is away.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use auth::token::{self, Claims, Jwks, Verifier};
use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use tokio::sync::Mutex;

use crate::settings::{Trust, ms};

/// Why a token was not accepted.
#[derive(Debug)]
pub enum Refused {
    /// It is not good.
    Bad(token::Error),
    /// There is no key to check it with.
    Away,
}

/// The keys.
pub struct Keys {
    issuer: String,
    clock: Clock,
    rules: Rules,
    known: RwLock<Option<Known>>,
    /// When identity was asked last; held while it is being asked, so that it is asked once.
    asked: Mutex<Option<DateTime<Utc>>>,
}

struct Rules {
    fresh: TimeDelta,
    away: TimeDelta,
    pause: TimeDelta,
}

#[derive(Clone)]
struct Known {
    verifier: Arc<Verifier>,
    since: DateTime<Utc>,
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

impl Keys {
    pub fn new(issuer: String, clock: Clock, trust: &Trust) -> Self {
        let [fresh, away, pause] =
            [trust.keys_ms, trust.keys_away_ms, trust.keys_pause_ms].map(|value| delta(ms(value)));
        let rules = Rules { fresh, away, pause };
        Self {
            issuer,
            clock,
            rules,
            known: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    /// The claims of a good token. `fetch` asks identity for its keys.
    ///
    /// A key id nobody has heard of may be a new key, or an invention: identity is asked about it, but not more often
    /// than every few seconds, whoever sends what.
    pub async fn check<E>(&self, token: &str, fetch: impl AsyncFn() -> Result<Jwks, E>) -> Result<Claims, Refused> {
        let fresh = self
            .known()
            .is_some_and(|known| self.clock.now() - known.since < self.rules.fresh);
        // Who has keys does not wait while somebody else asks for newer ones.
        if !fresh && (self.usable().is_none() || self.asked.try_lock().is_ok()) {
            self.refresh(&fetch).await;
        }
        let known = self.usable().ok_or(Refused::Away)?;
        match known.verifier.check(token) {
            Err(token::Error::UnknownKey) => {}
            other => return other.map_err(Refused::Bad),
        }
        self.refresh(&fetch).await;
        self.usable()
            .ok_or(Refused::Away)?
            .verifier
            .check(token)
            .map_err(Refused::Bad)
    }

    fn known(&self) -> Option<Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn usable(&self) -> Option<Known> {
        self.known()
            .filter(|known| self.clock.now() - known.since < self.rules.away)
    }

    async fn refresh<E>(&self, fetch: &impl AsyncFn() -> Result<Jwks, E>) {
        let came = self.clock.now();
        let mut asked = self.asked.lock().await;
        let now = self.clock.now();
        // Somebody asked while this request waited, or only just before it.
        if asked.is_some_and(|at| at >= came || (now - at < self.rules.pause && self.usable().is_some())) {
            return;
        }
        *asked = Some(now);
        if let Ok(jwks) = fetch().await {
            let known = Known {
                verifier: Arc::new(Verifier::new(&self.issuer, &jwks)),
                since: now,
            };
            *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(known);
        }
    }
}
