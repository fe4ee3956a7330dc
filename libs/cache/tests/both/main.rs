//! What counting must do with a Redis and without, and what it must do when the Redis is away: against a real one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod faults;
mod server;

use std::time::Duration;

use cache::{Address, Cache, Key, Rate, Taken};
use clock::Clock;
use ids::TenantId;

/// The same tests on both.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod in_process {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Cache::process(super::Clock::system())).await;
            })+
        }
        mod in_redis {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::Cache::redis(&super::server::shared(), super::Clock::system()).unwrap()).await;
            })+
        }
    };
}

on_both! {
    t10_the_burst_is_served_and_the_next_waits,
    t10_a_hundred_at_once_get_no_more_than_the_burst,
}

fn key(id: &str) -> Key {
    Key::new(TenantId::mint(), "thing", id)
}

async fn t10_the_burst_is_served_and_the_next_waits(cache: Cache) {
    let rate = Rate {
        per_second: 1,
        burst: 20,
    };
    let counter = cache.counter("rate", rate);
    let (one, other) = (key("1"), key("2"));
    for left in (0..20).rev() {
        let taken = counter.take(&one).await;
        assert!(taken.granted);
        // At most one came back meanwhile.
        assert!(taken.left.abs_diff(left) <= 1, "{taken:?} {left}");
    }
    let refused = (0..5).map(|_| counter.take(&one));
    let refused: Vec<Taken> = futures::future::join_all(refused).await;
    assert!(
        refused.iter().filter(|taken| !taken.granted).count() >= 4,
        "{refused:?}"
    );
    for taken in refused.iter().filter(|taken| !taken.granted) {
        assert!(taken.left == 0 && taken.reset > Duration::ZERO && taken.reset < Duration::from_secs(21));
    }
    assert_eq!((counter.take(&other).await.granted, counter.rate()), (true, rate));
}

async fn t10_a_hundred_at_once_get_no_more_than_the_burst(cache: Cache) {
    let rate = Rate {
        per_second: 1,
        burst: 30,
    };
    let (counter, one) = (cache.counter("rate", rate), key("1"));
    let taken = futures::future::join_all((0..100).map(|_| counter.take(&one))).await;
    let granted = taken.iter().filter(|taken| taken.granted).count();
    assert!((29..=31).contains(&granted), "{granted}");
}

/// Two processes, one Redis: together they let through what one may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t10_processes_count_together() {
    let clock = Clock::held_at(Clock::system().now());
    let rate = Rate {
        per_second: 4,
        burst: 40,
    };
    let process = || {
        Cache::redis(&server::shared(), clock.clone())
            .unwrap()
            .counter("rate", rate)
    };
    let (first, second, one) = (process(), process(), key("1"));
    let mut granted = 0;
    for _ in 0..30 {
        granted += u32::from(first.take(&one).await.granted);
        granted += u32::from(second.take(&one).await.granted);
    }
    assert_eq!(granted, 40);
    // Each alone would still have some: it is the other's that are missing.
    assert!(!first.take(&one).await.granted && !second.take(&one).await.granted);
    clock.advance(Duration::from_secs(20));
    assert!(first.take(&one).await.granted && second.take(&one).await.granted);
}

#[test]
fn what_is_no_address_is_refused_at_once_and_not_repeated() {
    for url in ["http://user:hunter2@localhost", "unknown:hunter2"] {
        let address = Address {
            url: url.parse().unwrap(),
            password: None,
        };
        let error = Cache::redis(&address, Clock::system()).err().unwrap().to_string();
        assert!(!error.contains("hunter2") && error.contains("redis://"), "{error}");
    }
}
