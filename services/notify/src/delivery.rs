//! One event for one webhook, and how often it is tried.

use std::hash::{BuildHasher, RandomState};

use chrono::{DateTime, TimeDelta, Utc};
use egress::Error;
use ids::{DeliveryId, EventId, TenantId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Tries before a delivery is given up: two to three days, four at the very most.
pub const MOST_ATTEMPTS: u32 = 20;
/// A webhook at which nothing has arrived for so long is disabled,
pub const FAILING: TimeDelta = TimeDelta::days(5);
/// if it was tried so often meanwhile.
pub const FAILED_TRIES: u32 = 10;
/// Deliveries that may wait for one webhook.
pub const MOST_WAITING: i64 = 10_000;
/// For how long it is kept what became of them: as long as events are.
pub const KEEP: TimeDelta = TimeDelta::days(7);

const FIRST: TimeDelta = TimeDelta::seconds(5);
const LONGEST: TimeDelta = TimeDelta::hours(8);
const LONGEST_REST: TimeDelta = TimeDelta::minutes(5);

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// It is to be sent, for the first time or again.
    Pending,
    /// The receiver answered with success.
    Delivered,
    /// It was tried as often as it is, or cannot be sent at all.
    Failed,
    /// It was never sent: its webhook was disabled, or too many were waiting.
    Dropped,
}

impl DeliveryState {
    const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Failed, Self::Dropped];

    /// As it is kept.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }

    /// From what is kept.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// A delivery.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub tenant: TenantId,
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub event: EventId,
    pub kind: String,
    pub state: DeliveryState,
    pub attempts: u32,
    pub next_at: Option<DateTime<Utc>>,
    /// What the receiver answered the last time.
    pub status: Option<u16>,
    /// What came of the last try, in a word.
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub delivered_at: Option<DateTime<Utc>>,
}

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It arrived.
    Delivered(u16),
    /// The receiver is not there any more, it says.
    Gone,
    /// It did not arrive.
    Missed { status: Option<u16>, error: &'static str },
    /// It cannot be sent, whoever receives it.
    Impossible(&'static str),
    /// Something of ours is away: it was no try.
    Postponed,
}

impl Outcome {
    /// By what the receiver said. Of a place that is not answered from there is one word for all: a name that leads inside, a
    /// closed port and a name that does not exist must not be told apart from here.
    pub fn of(said: Result<u16, Error>) -> Self {
        let missed = |status, error| Self::Missed { status, error };
        match said {
            Ok(status @ 200..=299) => Self::Delivered(status),
            Ok(410) => Self::Gone,
            Ok(status) => missed(Some(status), "not_accepted"),
            Err(Error::Target(_)) => missed(None, "address_not_allowed"),
            Err(Error::TooSlow) => missed(None, "too_slow"),
            Err(_) => missed(None, "unreachable"),
        }
    }
}

/// How long a delivery waits after so many tries: up to 10 s, then up to three times as long each, to eight hours; never less
/// than five seconds. A random part of it (full jitter), so that what failed together does not come back together.
pub fn pause(attempts: u32) -> TimeDelta {
    jittered(FIRST, limit(10, attempts).min(LONGEST))
}

/// How long a webhook is left alone after so many failures one after another, whatever waits for it: one that never answers
/// costs little.
pub fn rest(failures: u32) -> TimeDelta {
    jittered(TimeDelta::seconds(1), limit(2, failures).min(LONGEST_REST))
}

fn limit(seconds: i64, tries: u32) -> TimeDelta {
    let factor = 3_i64.saturating_pow(tries.saturating_sub(1).min(10));
    TimeDelta::seconds(seconds.saturating_mul(factor))
}

fn jittered(least: TimeDelta, most: TimeDelta) -> TimeDelta {
    // Each `RandomState` has its own keys; nobody's safety depends on how random they are.
    let part = RandomState::new().hash_one(most) % 1_000;
    let part = i32::try_from(part).unwrap_or(500);
    least + (most - least) * part / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_seconds_to_hours_and_end_within_days() {
        let mut longest = TimeDelta::zero();
        for attempts in 1..=MOST_ATTEMPTS {
            for _ in 0..50 {
                let pause = pause(attempts);
                assert!(pause >= FIRST && pause <= LONGEST, "{attempts}: {pause}");
            }
            longest += limit(10, attempts).min(LONGEST);
        }
        assert!((0..50).all(|_| pause(1) <= TimeDelta::seconds(10)));
        assert!((0..50).any(|_| pause(MOST_ATTEMPTS) > TimeDelta::hours(1)));
        // All tries are over while the event is still kept.
        assert!(longest < KEEP && longest / 2 > TimeDelta::days(2), "{longest}");
        assert!((1..99).all(|failures| rest(failures) <= LONGEST_REST && rest(failures) > TimeDelta::zero()));
    }

    #[test]
    fn t50_what_cannot_be_reached_has_one_word() {
        for error in [Error::Unreachable, Error::Broken, Error::TooLarge] {
            assert_eq!(
                Outcome::of(Err(error)),
                Outcome::Missed {
                    status: None,
                    error: "unreachable"
                }
            );
        }
    }
}
