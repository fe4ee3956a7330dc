//! Time that tests can hold still.
//!
//! Code that asks for the time takes a [`Clock`]; only `main` makes the real one. Leases and anything two processes
//! must agree on use the database's time instead.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};

/// Tells the time in UTC, to the microsecond (what `PostgreSQL` keeps).
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Held(Arc<Mutex<DateTime<Utc>>>),
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands at `time` until [`Clock::advance`] moves it. Clones share the same hands.
    #[must_use]
    pub fn held_at(time: DateTime<Utc>) -> Self {
        Self(Source::Held(Arc::new(Mutex::new(time))))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads the machine's clock")]
            Source::System => Utc::now().trunc_subsecs(6),
            Source::Held(time) => *time.lock().unwrap_or_else(PoisonError::into_inner),
        }
    }

    /// Moves a held clock forward; the system's clock is not ours to move and stays as it is.
    pub fn advance(&self, by: Duration) {
        if let Source::Held(time) = &self.0 {
            let mut time = time.lock().unwrap_or_else(PoisonError::into_inner);
            *time += TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_held_clock_moves_only_by_hand_and_for_all_its_clones() {
        let clock = Clock::held_at(DateTime::UNIX_EPOCH);
        let other = clock.clone();
        clock.advance(Duration::from_secs(5));
        assert_eq!(other.now(), DateTime::UNIX_EPOCH + TimeDelta::seconds(5));
    }
}
