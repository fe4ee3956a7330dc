//! What sessions and API keys may do now: identity's word, believed for a few seconds.
//!
//! How long is how late a logout, a disabled account or a changed role may be felt. The words on credentials that are in
//! use are renewed together before that ([`Standings::in_use`], [`Standings::renew`]), so that a request seldom waits for
//! one. While identity does not answer, its last word on a session counts a little longer, so that its restart signs
//! nobody out.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use auth::{Changed, Credential, Known, MOST_KNOWN, Standing};
use chrono::{DateTime, TimeDelta, Utc};
use clock::Clock;
use moka::future::Cache;

use crate::settings::{Trust, ms};

/// Credentials remembered; one that is pushed out is asked for again.
const MOST: u64 = 100_000;
/// In use is what was used so lately. To renew a word this often costs about as much as to ask for it once.
const IN_USE: TimeDelta = TimeDelta::seconds(20);
/// How seldom identity must hear of a key's use: it notes the time and the address.
const NOTED: TimeDelta = TimeDelta::minutes(1);

/// Nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Away;

/// The standings.
pub struct Standings {
    clock: Clock,
    fresh: TimeDelta,
    away: TimeDelta,
    words: Cache<Credential, Arc<Word>>,
}

/// Identity's word on one credential.
struct Word {
    standing: Option<Arc<Standing>>,
    print: String,
    /// When it was asked for by itself.
    asked: DateTime<Utc>,
    /// Milliseconds since 1970: since when it is known, and when a request last needed it.
    since: AtomicI64,
    used: AtomicI64,
}

impl Word {
    fn new(standing: Option<Arc<Standing>>, asked: DateTime<Utc>, since: DateTime<Utc>, used: i64) -> Arc<Self> {
        Arc::new(Self {
            print: standing.as_ref().map(|standing| standing.print()).unwrap_or_default(),
            standing,
            asked,
            since: AtomicI64::new(since.timestamp_millis()),
            used: AtomicI64::new(used),
        })
    }

    fn is_younger(&self, age: TimeDelta, now: DateTime<Utc>) -> bool {
        now.timestamp_millis() - self.since.load(Ordering::Relaxed) < age.num_milliseconds()
    }
}

impl Standings {
    pub fn new(clock: Clock, trust: &Trust) -> Self {
        let delta = |value| TimeDelta::from_std(ms(value)).unwrap_or(TimeDelta::MAX);
        let words = Cache::builder()
            .max_capacity(MOST)
            .time_to_idle(ms(trust.session_away_ms.max(trust.session_ms)));
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
        let now = self.clock.now();
        if let Some(word) = &last {
            word.used.store(now.timestamp_millis(), Ordering::Relaxed);
            let noted = !matches!(credential, Credential::ApiKey(_)) || now - word.asked < NOTED;
            if noted && word.is_younger(self.fresh, now) {
                return Ok(word.standing.clone());
            }
        }
        // Dated before the question: the answer may be older than its arrival.
        if let Ok(standing) = ask.await {
            let standing = standing.map(Arc::new);
            let word = Word::new(standing.clone(), now, now, now.timestamp_millis());
            self.words.insert(credential, word).await;
            return Ok(standing);
        }
        // Nobody's console goes dark for an operator's access: it is only as good as what is known now.
        let away = match credential {
            Credential::OperatorAccess(_) => self.fresh,
            Credential::None | Credential::Session(_) | Credential::ApiKey(_) => self.away,
        };
        match last {
            Some(word) if word.is_younger(away, self.clock.now()) => Ok(word.standing.clone()),
            _ => Err(Away),
        }
    }

    /// The credentials in use whose words will soon be too old, in questions that identity takes.
    pub fn in_use(&self) -> Vec<Vec<Known>> {
        let now = self.clock.now();
        let worth = |word: &Word| {
            let idle = now.timestamp_millis() - word.used.load(Ordering::Relaxed);
            word.standing.as_ref().is_some_and(|standing| standing.live)
                && idle < IN_USE.num_milliseconds()
                && !word.is_younger(self.fresh * 5 / 8, now)
        };
        let due = self.words.iter().filter(|(credential, word)| {
            let many = matches!(**credential, Credential::Session(_) | Credential::ApiKey(_));
            many && worth(word)
        });
        let due: Vec<Known> = due
            .map(|(credential, word)| Known {
                credential: *credential,
                print: word.print.clone(),
            })
            .collect();
        due.chunks(MOST_KNOWN).map(<[Known]>::to_vec).collect()
    }

    /// Identity was asked at `since` about all of `known`, and these have changed.
    pub async fn renew(&self, known: &[Known], changed: Vec<Changed>, since: DateTime<Utc>) {
        let at = since.timestamp_millis();
        let mut changed: std::collections::HashMap<_, _> = changed
            .into_iter()
            .map(|Changed { credential, standing }| (credential, standing))
            .collect();
        for Known { credential, print } in known {
            let Some(word) = self.words.get(credential).await else {
                continue;
            };
            // Meanwhile it may have been asked for by itself.
            if word.since.load(Ordering::Relaxed) >= at {
                continue;
            }
            match changed.remove(credential) {
                Some(standing) => {
                    let used = word.used.load(Ordering::Relaxed);
                    let word = Word::new(standing.map(Arc::new), word.asked, since, used);
                    self.words.insert(*credential, word).await;
                }
                None if word.print == *print => drop(word.since.fetch_max(at, Ordering::Relaxed)),
                // It is the answer to an older question that this one is about.
                None => {}
            }
        }
    }
}
