//! Token buckets (GCRA) in a table of fixed size: a key is hashed with a secret of this process to one of 65,536 slots. So an
//! attacker with a million addresses costs no memory, needs no sweeping, and cannot choose whose slot to share.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use super::{Rate, Taken};
use crate::Key;

const SLOTS: u64 = 65_536;

type Buckets = RateLimiter<u32, DashMapStateStore<u32>, DefaultClock, StateInformationMiddleware>;

pub struct Here {
    rate: Rate,
    buckets: Buckets,
    secret: RandomState,
}

impl Here {
    pub fn new(rate: Rate) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(rate.per_second)).allow_burst(at_least_one(rate.burst));
        Self {
            rate,
            buckets: RateLimiter::dashmap(quota).with_middleware(),
            secret: RandomState::new(),
        }
    }

    pub fn take(&self, key: &Key) -> Taken {
        let slot = u32::try_from(self.secret.hash_one(key) % SLOTS).unwrap_or_default();
        match self.buckets.check_key(&slot) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let missing = f64::from(self.rate.burst.saturating_sub(left));
                Taken {
                    granted: true,
                    left,
                    reset: Duration::from_secs_f64(missing / f64::from(self.rate.per_second.max(1))),
                }
            }
            Err(wait) => Taken {
                granted: false,
                left: 0,
                reset: wait.wait_time_from(DefaultClock::default().now()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use ids::TenantId;

    use super::*;

    const RATE: Rate = Rate {
        per_second: 1,
        burst: 2,
    };

    #[test]
    fn t10_one_tenants_flood_leaves_the_others_alone() {
        let here = Here::new(RATE);
        let key = |tenant| Key::new(tenant, "rate", "all");
        let noisy = TenantId::mint();
        for _ in 0..100 {
            here.take(&key(noisy));
        }
        assert!(!here.take(&key(noisy)).granted);
        // One slot in 65,536 is shared with the noisy one, so nine quiet tenants all meet it about never.
        let quiet = (0..9).filter(|_| here.take(&key(TenantId::mint())).granted).count();
        assert!(quiet >= 8, "{quiet} of 9");
    }

    #[test]
    fn memory_is_bounded_however_many_keys_come() {
        let here = Here::new(RATE);
        for n in 0..200_000 {
            here.take(&Key::platform("rate", n.to_string()));
        }
        assert!(here.buckets.len() <= usize::try_from(SLOTS).unwrap());
    }
}
