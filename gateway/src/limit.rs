//! How often one may ask.
//!
//! Token buckets (GCRA) in a table of fixed size: a key is hashed with a secret of this process to one of 65,536 slots.
//! So an attacker with a million addresses costs no memory, needs no sweeping, and cannot choose whose slot to share.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use fault::{Error, Kind};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use ids::TenantId;

use crate::settings::{Rate, Rates};

const SLOTS: u64 = 65_536;

type Buckets = RateLimiter<u32, DashMapStateStore<u32>, DefaultClock, StateInformationMiddleware>;

/// The rates of requests.
pub struct Limits {
    address: Limit,
    auth: Limit,
    tenant: Limit,
}

impl Limits {
    pub fn new(rates: &Rates) -> Self {
        Self {
            address: Limit::new("address", rates.address),
            auth: Limit::new("auth", rates.auth),
            tenant: Limit::new("tenant", rates.tenant),
        }
    }

    /// One more request from there.
    pub fn address(&self, address: IpAddr) -> Outcome {
        self.address.take(network(address))
    }

    /// One more attempt to sign in or up from there.
    pub fn auth(&self, address: IpAddr) -> Outcome {
        self.auth.take(network(address))
    }

    /// One more request of this tenant.
    pub fn tenant(&self, tenant: TenantId) -> Outcome {
        self.tenant.take(tenant)
    }
}

/// The rate of new connections; clones are the same one.
#[derive(Clone)]
pub struct Arrivals(Arc<Limit>);

impl Arrivals {
    pub fn new(rate: Rate) -> Self {
        Self(Arc::new(Limit::new("connections", rate)))
    }

    /// May one more connection from there be taken?
    pub fn welcome(&self, address: IpAddr) -> bool {
        self.0.take(network(address)).refused.is_none()
    }
}

/// The room left, and whether this request still had some.
pub struct Outcome {
    pub room: Room,
    pub refused: Option<Error>,
}

/// What a bucket says of itself.
#[derive(Debug, Clone, Copy)]
pub struct Room {
    name: &'static str,
    rate: Rate,
    left: u32,
    /// Until the bucket is full again, or, when it is empty, until it has one more.
    reset: Duration,
}

impl Room {
    /// The one that will be used up first.
    pub fn tighter(self, other: Self) -> Self {
        if self.left <= other.left { self } else { other }
    }

    /// Writes the headers of draft-ietf-httpapi-ratelimit-headers, and the older three.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let Self {
            name,
            rate,
            left,
            reset,
        } = self;
        let seconds = seconds(*reset);
        let window = rate.burst.div_ceil(rate.per_second);
        for (header, value) in [
            ("ratelimit-policy", format!("\"{name}\";q={};w={window}", rate.burst)),
            ("ratelimit", format!("\"{name}\";r={left};t={seconds}")),
            ("ratelimit-limit", rate.burst.to_string()),
            ("ratelimit-remaining", left.to_string()),
            ("ratelimit-reset", seconds.to_string()),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.insert(HeaderName::from_static(header), value);
            }
        }
    }
}

struct Limit {
    name: &'static str,
    rate: Rate,
    buckets: Buckets,
    secret: RandomState,
}

impl Limit {
    fn new(name: &'static str, rate: Rate) -> Self {
        let at_least_one = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(at_least_one(rate.per_second)).allow_burst(at_least_one(rate.burst));
        let buckets = RateLimiter::dashmap(quota).with_middleware();
        Self {
            name,
            rate,
            buckets,
            secret: RandomState::new(),
        }
    }

    fn take(&self, key: impl Hash) -> Outcome {
        let slot = u32::try_from(self.secret.hash_one(key) % SLOTS).unwrap_or_default();
        let room = |left, reset| Room {
            name: self.name,
            rate: self.rate,
            left,
            reset,
        };
        match self.buckets.check_key(&slot) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let missing = f64::from(self.rate.burst.saturating_sub(left));
                let reset = Duration::from_secs_f64(missing / f64::from(self.rate.per_second.max(1)));
                Outcome {
                    room: room(left, reset),
                    refused: None,
                }
            }
            Err(wait) => {
                let wait = wait.wait_time_from(DefaultClock::default().now());
                let error = Error::new(Kind::TooManyRequests, "This is more than the rate allows; slow down.");
                Outcome {
                    room: room(0, wait),
                    refused: Some(error.retry_after(seconds(wait))),
                }
            }
        }
    }
}

/// Whole seconds, and never 0: clients that wait 0 s do not wait.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// One household has a whole IPv6 /64; its addresses count as one.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        let rate = |burst| Rate { per_second: 1, burst };
        Limits::new(&Rates {
            connections: rate(1),
            address: rate(3),
            auth: rate(1),
            tenant: rate(2),
        })
    }

    #[test]
    fn t10_the_burst_is_served_and_the_next_waits() {
        let limits = limits();
        let here = IpAddr::from([192, 0, 2, 1]);
        for left in [2, 1, 0] {
            let outcome = limits.address(here);
            assert!(outcome.refused.is_none());
            assert_eq!(outcome.room.left, left);
        }
        let outcome = limits.address(here);
        assert_eq!(outcome.refused.map(|error| error.kind()), Some(Kind::TooManyRequests));
        let mut headers = HeaderMap::new();
        outcome.room.apply(&mut headers);
        assert_eq!(headers.get("ratelimit").unwrap(), "\"address\";r=0;t=1");
        assert_eq!(headers.get("ratelimit-policy").unwrap(), "\"address\";q=3;w=3");
    }

    #[test]
    fn t10_one_tenants_flood_leaves_the_others_alone() {
        let limits = limits();
        let noisy = TenantId::mint();
        for _ in 0..100 {
            limits.tenant(noisy);
        }
        assert!(limits.tenant(noisy).refused.is_some());
        // One slot in 65,536 is shared with the noisy one, so nine quiet tenants all meet it about never.
        let quiet = (0..9)
            .filter(|_| limits.tenant(TenantId::mint()).refused.is_none())
            .count();
        assert!(quiet >= 8, "{quiet} of 9");
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        assert_eq!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8::ffff:1".parse().unwrap())
        );
        assert_ne!(
            network("2001:db8::1".parse().unwrap()),
            network("2001:db8:0:1::1".parse().unwrap())
        );
        assert_eq!(
            network("::ffff:192.0.2.1".parse().unwrap()),
            network("192.0.2.1".parse().unwrap())
        );
    }

    #[test]
    fn memory_is_bounded_however_many_addresses_come() {
        let limits = limits();
        for n in 0..200_000_u32 {
            limits.address(IpAddr::from(n.to_be_bytes()));
        }
        assert!(limits.address.buckets.len() <= usize::try_from(SLOTS).unwrap());
    }
}
