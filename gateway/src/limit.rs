//! How often one may ask: counters of `libs/cache`, and what is said of them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_http::header::{HeaderMap, HeaderName, HeaderValue};
use cache::{Cache, Counter, Key, Rate, Taken};
use fault::{Error, Kind};
use ids::TenantId;

use crate::settings::Rates;

/// The rates of requests.
pub struct Limits {
    address: Counter,
    auth: Counter,
    tenant: Counter,
}

impl Limits {
    pub fn new(rates: &Rates, cache: &Cache) -> Self {
        Self {
            address: cache.counter("address", rates.address),
            auth: cache.counter("auth", rates.auth),
            tenant: cache.counter("tenant", rates.tenant),
        }
    }

    /// One more request from there.
    pub async fn address(&self, address: IpAddr) -> Outcome {
        outcome(&self.address, self.address.take(&network(&self.address, address)).await)
    }

    /// One more attempt to sign in or up from there.
    pub async fn auth(&self, address: IpAddr) -> Outcome {
        outcome(&self.auth, self.auth.take(&network(&self.auth, address)).await)
    }

    /// One more request of this tenant.
    pub async fn tenant(&self, tenant: TenantId) -> Outcome {
        let key = Key::new(tenant, self.tenant.kind(), "all");
        outcome(&self.tenant, self.tenant.take(&key).await)
    }
}

/// The rate of new connections, in this process: a connection holds nothing that others lack. Clones are the same one.
#[derive(Clone)]
pub struct Arrivals(Arc<Counter>);

impl Arrivals {
    pub fn new(rate: Rate, cache: &Cache) -> Self {
        Self(Arc::new(cache.counter("connections", rate)))
    }

    /// May one more connection from there be taken?
    pub fn welcome(&self, address: IpAddr) -> bool {
        self.0.take_here(&network(&self.0, address)).granted
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

fn outcome(counter: &Counter, taken: Taken) -> Outcome {
    let refused = (!taken.granted).then(|| {
        let error = Error::new(Kind::TooManyRequests, "This is more than the rate allows; slow down.");
        error.retry_after(seconds(taken.reset))
    });
    let room = Room {
        name: counter.kind(),
        rate: counter.rate(),
        left: taken.left,
        reset: taken.reset,
    };
    Outcome { room, refused }
}

/// Whole seconds, and never 0: clients that wait 0 s do not wait.
fn seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis().div_ceil(1_000))
        .unwrap_or(u32::MAX)
        .max(1)
}

/// One household has a whole IPv6 /64; its addresses count as one.
fn network(counter: &Counter, address: IpAddr) -> Key {
    let network = match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((u128::from(v6) >> 64 << 64).into()),
        v4 @ IpAddr::V4(_) => v4,
    };
    Key::platform(counter.kind(), network.to_string())
}

#[cfg(test)]
mod tests {
    use clock::Clock;

    use super::*;

    fn limits() -> Limits {
        let rate = |burst| Rate { per_second: 1, burst };
        let rates = Rates {
            connections: rate(1),
            address: rate(3),
            auth: rate(1),
            tenant: rate(2),
        };
        Limits::new(&rates, &Cache::process(Clock::system()))
    }

    #[tokio::test]
    async fn t10_the_burst_is_served_and_the_next_waits() {
        let limits = limits();
        let here = IpAddr::from([192, 0, 2, 1]);
        for left in [2, 1, 0] {
            let outcome = limits.address(here).await;
            assert!(outcome.refused.is_none());
            assert_eq!(outcome.room.left, left);
        }
        let outcome = limits.address(here).await;
        assert_eq!(outcome.refused.map(|error| error.kind()), Some(Kind::TooManyRequests));
        let mut headers = HeaderMap::new();
        outcome.room.apply(&mut headers);
        assert_eq!(headers.get("ratelimit").unwrap(), "\"address\";r=0;t=1");
        assert_eq!(headers.get("ratelimit-policy").unwrap(), "\"address\";q=3;w=3");
    }

    #[test]
    fn addresses_of_one_network_count_as_one() {
        let limits = limits();
        let network = |address: &str| network(&limits.address, address.parse().unwrap());
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
    }
}
