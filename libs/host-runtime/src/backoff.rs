//! Exponential backoff with full jitter.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// How long to wait after so many failures in a row: anything up to `first` doubled that often, at most `most`, and at least
/// a tenth of it, so that a crowd spreads and nobody spins.
#[must_use]
pub fn after(failures: u32, first: Duration, most: Duration) -> Duration {
    let ceiling = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(most);
    let share = RandomState::new().hash_one(failures) % 1000;
    let share = u32::try_from(share).unwrap_or(0).max(100);
    ceiling.saturating_mul(share) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_spreads_and_has_a_ceiling() {
        let (first, most) = (Duration::from_secs(1), Duration::from_mins(1));
        for failures in [1, 2, 5, 30, u32::MAX] {
            let ceiling = (1u64 << (failures - 1).min(16)).min(60);
            for _ in 0..100 {
                let wait = after(failures, first, most);
                assert!(
                    wait >= Duration::from_millis(ceiling * 100) && wait <= Duration::from_secs(ceiling),
                    "{wait:?}"
                );
            }
        }
        let spread: std::collections::HashSet<_> = (0..100).map(|_| after(9, first, most)).collect();
        assert!(spread.len() > 20, "no jitter");
    }
}
