use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const MOST: Duration = Duration::from_secs(5);

/// How long to pause after so many failures one after another: exponential, capped, full jitter, so that processes that
/// failed together do not come back together.
pub(crate) fn pause(failures: u32) -> Duration {
    let limit = FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MOST);
    jitter(limit)
}

/// Any time up to the limit, and never none.
pub(crate) fn jitter(limit: Duration) -> Duration {
    // Each `RandomState` has its own keys; nobody's safety depends on how random they are.
    let part = RandomState::new().hash_one(limit) % 1_000;
    limit.mul_f64((u32::try_from(part).map_or(0.5, f64::from) + 1.0) / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_cap_and_are_never_none() {
        for failures in 1..100 {
            let pause = pause(failures);
            assert!(pause > Duration::ZERO && pause <= MOST, "{failures}: {pause:?}");
        }
        assert!((0..100).all(|_| pause(1) <= FIRST));
        assert!((0..100).any(|_| pause(50) > FIRST * 10));
    }
}
