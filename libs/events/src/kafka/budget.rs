use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Retries per delivery: what is retried never adds more than a tenth to the load.
const SHARE: f64 = 0.1;
/// Retries a second that are always free, so that a lone failure is retried where little happens.
const TRICKLE: f64 = 1.0;
/// Retries that may be saved up.
const MOST: f64 = 20.0;

/// What retries may cost one consumer in one process.
#[derive(Debug)]
pub struct Budget(Mutex<(f64, Instant)>);

impl Budget {
    pub fn new(now: Instant) -> Self {
        Self(Mutex::new((MOST, now)))
    }

    /// So many records were delivered for the first time.
    pub fn earn(&self, delivered: usize) {
        let mut purse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let earned = u32::try_from(delivered).map_or(MOST, |delivered| f64::from(delivered) * SHARE);
        purse.0 = (purse.0 + earned).min(MOST);
    }

    /// Pays for one retry, or says how long to wait before asking again.
    pub fn spend(&self, now: Instant) -> Result<(), Duration> {
        let mut purse = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let since = now.saturating_duration_since(purse.1).as_secs_f64();
        *purse = ((purse.0 + since * TRICKLE).min(MOST), now);
        if purse.0 < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - purse.0) / TRICKLE));
        }
        purse.0 -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t36_retries_add_a_tenth_and_no_more() {
        let (start, mut retried) = (Instant::now(), 0);
        let budget = Budget::new(start);
        // Everything fails and everything wants to be tried again.
        for _ in 0..10_000 {
            budget.earn(1);
            retried += u32::from(budget.spend(start).is_ok());
        }
        assert!((1_000..=1_020).contains(&retried), "{retried}");
        let wait = budget.spend(start).unwrap_err();
        assert!(wait <= Duration::from_secs(1), "{wait:?}");
        assert!(budget.spend(start + wait).is_ok(), "a lone failure waits a second");
    }
}
