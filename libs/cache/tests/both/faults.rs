//! Redis is killed, emptied, halted, or says something else.

use std::time::{Duration, Instant};

use cache::{Counter, Rate};
use ids::TenantId;

use crate::key;
use crate::server::Server;

const RATE: Rate = Rate {
    per_second: 1_000,
    burst: 100_000,
};

/// Waits until it counts in Redis again.
async fn is_back(server: &Server, counter: &Counter) {
    let start = Instant::now();
    let id = TenantId::mint();
    while !server.keys().iter().any(|key| key.contains(&id.to_string())) {
        assert!(start.elapsed() < Duration::from_secs(20), "it does not come back");
        // Another each time: one would be used up here meanwhile.
        counter.take(&key(&format!("{id}-{:?}", start.elapsed()))).await;
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn t39_a_redis_that_was_never_there_is_no_error() {
    let mut server = Server::start();
    server.kill();
    let counter = server.cache().counter("rate", RATE);
    assert!(counter.take(&key("1")).await.granted);
    server.again();
    is_back(&server, &counter).await;
}

#[tokio::test]
async fn t39_a_redis_that_halts_is_waited_for_once_by_all_together() {
    let server = Server::start();
    let counter = server.cache().counter("rate", RATE);
    is_back(&server, &counter).await;
    server.signal("STOP");
    let (start, one) = (Instant::now(), key("1"));
    let answers = futures::future::join_all((0..200).map(|_| counter.take(&one))).await;
    assert!(answers.iter().all(|taken| taken.granted));
    for _ in 0..200 {
        assert!(counter.take(&one).await.granted);
    }
    // The first wait. One after another they would wait for more than half a minute.
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    server.signal("CONT");
    is_back(&server, &counter).await;
}

#[tokio::test]
async fn t39_an_answer_that_nobody_waited_for_is_nobodys() {
    let server = Server::start();
    let counter = server.cache().counter("rate", RATE);
    let (mine, theirs) = (key("1"), key("2"));
    is_back(&server, &counter).await;
    for _ in 0..1_000 {
        counter.take(&theirs).await;
    }
    let connections = || -> u64 {
        let info: String = server.ask(&["INFO", "stats"]);
        let line = info
            .lines()
            .find_map(|line| line.strip_prefix("total_connections_received:"));
        line.unwrap().trim().parse().unwrap()
    };
    let before = connections();
    for turn in 0..20 {
        server.signal("STOP");
        // Asked and given up before there is an answer.
        let asked = counter.take(&theirs);
        assert!(tokio::time::timeout(Duration::from_millis(5), asked).await.is_err());
        server.signal("CONT");
        let left = counter.take(&mine).await.left;
        assert!(RATE.burst - left < 500, "{turn}: an answer about theirs: {left}");
    }
    // One is that of the question itself.
    assert!(connections() - before > 20, "the connection was not used again");
}

#[tokio::test]
async fn t39_counters_count_on_alone_and_again_together() {
    let mut server = Server::start();
    let rate = Rate {
        per_second: 1,
        burst: 60,
    };
    let (cache, other) = (server.cache(), server.cache());
    let (first, second) = (cache.counter("rate", rate), other.counter("rate", rate));
    let one = key("1");
    for _ in 0..20 {
        assert!(first.take(&one).await.granted && second.take(&one).await.granted);
    }
    assert!(first.take(&one).await.left < 25, "they count together");
    server.kill();
    let start = Instant::now();
    let mut granted = 0;
    for _ in 0..1_000 {
        granted += u32::from(first.take(&one).await.granted);
    }
    assert!((38..=42).contains(&granted), "the rest of its own: {granted}");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    server.again();
    let fresh = key("2");
    is_back(&server, &first).await;
    is_back(&server, &second).await;
    for _ in 0..20 {
        assert!(first.take(&fresh).await.granted && second.take(&fresh).await.granted);
    }
    assert!(second.take(&fresh).await.left < 25, "and together again");
}

#[tokio::test]
async fn t39_a_wrong_count_refuses_nobody() {
    let server = Server::start();
    let rate = Rate {
        per_second: 1,
        burst: 3_000,
    };
    let cache = server.cache();
    let counter = cache.counter("rate", rate);
    for junk in ["not a number", "9223372036854775806", "99999999999", "-5", "1.5"] {
        let one = key("1");
        assert!(counter.take(&one).await.granted);
        let keys = server.keys();
        for key in &keys {
            let _: () = server.ask(&["SET", key, junk]);
        }
        assert!(counter.take(&one).await.granted, "{junk}");
        assert_eq!(server.keys(), Vec::<String>::new(), "{junk}: what is wrong is removed");
        assert!(counter.take(&one).await.granted, "{junk}");
        let _: () = server.ask(&["FLUSHALL"]);
    }
    let one = key("1");
    assert!(counter.take(&one).await.granted);
    for key in server.keys() {
        let _: u64 = server.ask(&["DEL", &key]);
        let _: u64 = server.ask(&["LPUSH", &key, "a list"]);
    }
    assert!(counter.take(&one).await.granted);
    assert!(counter.take(&one).await.granted);
}

#[tokio::test]
async fn what_is_counted_ends_by_itself() {
    let server = Server::start();
    let rate = Rate {
        per_second: 10,
        burst: 10,
    };
    let counter = server.cache().counter("rate", rate);
    assert!(counter.take(&key("1")).await.granted);
    for key in server.keys() {
        let left: i64 = server.ask(&["PTTL", &key]);
        assert!(left > 0 && left <= 2_000, "{key} {left}");
    }
}

/// The user the platform signs in as can neither run programs in Redis nor look around or clear it away.
#[test]
fn the_platforms_user_can_do_what_it_needs_and_no_more() {
    let server = Server::start();
    let url = format!("redis://yunshu:of-no-importance@127.0.0.1:{}", server.port);
    let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
    for command in [
        &["EVAL", "return 1", "0"][..],
        &["SCRIPT", "LOAD", "return 1"],
        &["FUNCTION", "LIST"],
        &["KEYS", "*"],
        &["SCAN", "0"],
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["CONFIG", "GET", "*"],
        &["ACL", "LIST"],
        &["MONITOR"],
        &["SUBSCRIBE", "x"],
        &["SET", "v1:x", "1"],
        &["GET", "elsewhere"],
    ] {
        let answer: redis::RedisResult<redis::Value> = redis::cmd(command[0]).arg(&command[1..]).query(&mut connection);
        let error = answer.expect_err(command[0]).to_string();
        assert!(
            error.contains("NOPERM") || error.contains("permission"),
            "{command:?}: {error}"
        );
    }
}
