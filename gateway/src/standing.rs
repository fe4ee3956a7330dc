//! What sessions and API keys may do now: identity's word, believed for a few seconds.
//!
//! How long is how late a logout, a disabled account or a changed role may be felt. While identity does not answer, its
//! last word on a session counts a little longer, so that its restart signs nobody out.

use std::sync::Arc;

use auth::{Credential, Standing};
use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use moka::future::Cache;

use crate::settings::{Trust, ms};

/// Credentials remembered; one that is pushed out is asked for again.
const MOST: u64 = 100_000;

/// Nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// The standings.
pub struct Standings {
    clock: Clock,
    fresh: TimeDelta,
    away: TimeDelta,
    words: Cache<Credential, Word>,
}

#[derive(Clone)]
struct Word {
    standing: Option<Arc<Standing>>,
    since: DateTime<Utc>,
}

impl Standings {
    pub fn new(clock: Clock, trust: &Trust) -> Self {
        let delta = |value| TimeDelta::from_std(ms(value)).unwrap_or(TimeDelta::MAX);
        let words = Cache::builder()
            .max_capacity(MOST)
            .time_to_live(ms(trust.session_away_ms.max(trust.session_ms)));
        Self {
            clock,
            fresh: delta(trust.session_ms),
            away: delta(trust.session_away_ms),
            words: words.build(),
        }
    }

    /// The credential's standing; none if there is no such credential. `ask` asks identity, if need be.
    pub async fn of<E>(
        &self,
        credential: Credential,
        ask: impl Future<Output = Result<Option<Standing>, E>>,
    ) -> Result<Option<Arc<Standing>>, Away> {
        let last = self.words.get(&credential).await;
        if let Some(word) = &last
            && self.clock.now() - word.since < self.fresh
        {
            return Ok(word.standing.clone());
        }
        // Dated before the question: the answer may be older than its arrival.
        let since = self.clock.now();
        if let Ok(standing) = ask.await {
            let standing = standing.map(Arc::new);
            let word = Word {
                standing: standing.clone(),
                since,
            };
            self.words.insert(credential, word).await;
            return Ok(standing);
        }
        // Nobody's console goes dark for an operator's access: it is only as good as what is known now.
        let away = match credential {
            Credential::OperatorAccess(_) => self.fresh,
            Credential::None | Credential::Session(_) | Credential::ApiKey(_) => self.away,
        };
        match last {
            Some(word) if self.clock.now() - word.since < away => Ok(word.standing),
            _ => Err(Away),
        }
    }
}
