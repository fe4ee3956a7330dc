//! Services that are slow, gone or coming back.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use auth::Role;
use futures::StreamExt;
use tokio_util::sync::CancellationToken;

use crate::stack::{Stack, eventually, service, settings};

/// An address where nobody listens.
fn nobody() -> std::net::SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test]
async fn t40_a_service_that_is_down_is_503_and_takes_no_other_along() {
    let address = nobody();
    let url = format!("http://{address}").parse().unwrap();
    let stack = Stack::with_upstreams(settings(), |upstreams| upstreams.compute = vec![url]);
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let vms = stack.url("/api/v1/projects/p/vms");
    for _ in 0..10 {
        let answer = client.get(&vms).bearer_auth(&token).send().await.unwrap();
        assert_eq!(answer.status(), 503);
        assert!(answer.headers().contains_key("retry-after"));
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(
            client
                .get(stack.url("/api/v1/me"))
                .bearer_auth(&token)
                .send()
                .await
                .unwrap()
                .status(),
            200
        );
    }

    // It comes back under the same address: found within the breaker's pause.
    let stop = CancellationToken::new();
    let (_, thread) = service("compute", Arc::clone(&stack.behind), stop.clone(), address.port());
    let begun = Instant::now();
    let back = async || {
        client
            .get(&vms)
            .bearer_auth(&token)
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
    };
    eventually("back in service", back).await;
    assert!(begun.elapsed() < Duration::from_millis(5_500), "{:?}", begun.elapsed());
    stop.cancel();
    thread.join().unwrap();
}

#[tokio::test]
async fn t40_the_other_instance_answers_for_a_dead_one() {
    let dead = format!("http://{}", nobody()).parse().unwrap();
    let stack = Stack::with_upstreams(settings(), |upstreams| upstreams.compute.push(dead));
    let (_, token) = stack.session(Role::Owner);
    for n in 0..20 {
        let request = stack
            .client()
            .post(stack.url("/api/v1/projects/p/vms"))
            .bearer_auth(&token);
        let answer = request.body(format!("body {n}")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
    }
    let bodies: Vec<_> = stack
        .seen()
        .iter()
        .map(|seen| String::from_utf8(seen.body.clone()).unwrap())
        .collect();
    assert_eq!(
        bodies,
        (0..20).map(|n| format!("body {n}")).collect::<Vec<_>>(),
        "each once and whole"
    );
}

#[tokio::test]
async fn t40_a_silent_service_meets_the_deadline_and_then_the_breaker() {
    // Accepts, never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap()).parse().unwrap();
    let mut settings = settings();
    settings.deadlines.answer_ms = 200;
    let stack = Stack::with_upstreams(settings, |upstreams| upstreams.compute = vec![url]);
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let mut quick = 0;
    for _ in 0..8 {
        let begun = Instant::now();
        let answer = client
            .get(stack.url("/api/v1/projects/p/vms"))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 503);
        assert!(begun.elapsed() < Duration::from_secs(2));
        quick += usize::from(begun.elapsed() < Duration::from_millis(150));
    }
    assert!(quick >= 2, "the open breaker answers at once: {quick}");
}

#[tokio::test]
async fn an_answer_of_any_status_is_passed_on() {
    let stack = Stack::start();
    let (_, token) = stack.session(Role::Owner);
    for status in [201, 202, 400, 404, 409, 500, 503] {
        let url = stack.url(&format!("/api/v1/projects/p/vms?status={status}"));
        for _ in 0..6 {
            assert_eq!(
                stack
                    .client()
                    .get(&url)
                    .bearer_auth(&token)
                    .send()
                    .await
                    .unwrap()
                    .status(),
                status
            );
        }
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_passed_off_as_whole() {
    let cut = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", cut.local_addr().unwrap()).parse().unwrap();
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = cut.accept().unwrap();
        let mut head = [0; 4_096];
        let _ = stream.read(&mut head).unwrap();
        stream
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this")
            .unwrap();
    });
    let stack = Stack::with_upstreams(settings(), |upstreams| upstreams.portal = vec![url]);
    let whole = async || stack.client().get(stack.url("/")).send().await?.bytes().await;
    assert!(whole().await.is_err());
    thread.join().unwrap();
}

#[tokio::test]
async fn t36_a_lost_connection_is_tried_again_only_where_that_is_safe() {
    // Reads a request and hangs up, every other time.
    let moody = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", moody.local_addr().unwrap()).parse().unwrap();
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = moody.accept() {
            let _ = stream.read(&mut [0; 4_096]);
            if count.fetch_add(1, Ordering::SeqCst) % 2 == 1 {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            }
        }
    });
    let stack = Stack::with_upstreams(settings(), |upstreams| upstreams.compute = vec![url]);
    let (_, token) = stack.session(Role::Owner);
    let vms = stack.url("/api/v1/projects/p/vms");
    let read = stack.client().get(&vms).bearer_auth(&token).send().await.unwrap();
    assert_eq!(
        (read.status().as_u16(), heard.load(Ordering::SeqCst)),
        (200, 2),
        "read again"
    );
    let write = stack
        .client()
        .post(&vms)
        .bearer_auth(&token)
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(
        (write.status().as_u16(), heard.load(Ordering::SeqCst)),
        (503, 3),
        "may have been done"
    );
}

#[tokio::test]
async fn a_role_with_too_much_under_way_refuses_and_recovers() {
    let mut settings = settings();
    settings.in_flight_per_role = 2;
    let stack = Stack::with(settings);
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let slow = stack.url("/api/v1/projects/p/vms?sleep_ms=1500");
    let asks = (0..4).map(|_| async {
        client
            .get(&slow)
            .bearer_auth(&token)
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    });
    let mut answers = futures::future::join_all(asks).await;
    answers.sort_unstable();
    assert_eq!(answers, [200, 200, 503, 503]);
    assert_eq!(
        client.get(&slow).bearer_auth(&token).send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn t41_shutdown_lets_requests_finish_and_ends_streams() {
    let stack = Stack::start();
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let slow = client
        .get(stack.url("/api/v1/projects/p/vms?sleep_ms=1000"))
        .bearer_auth(&token)
        .send();
    let stream = client
        .get(stack.url("/api/v1/events?events=1"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    let mut events = stream.bytes_stream();
    events.next().await.unwrap().unwrap();
    let stop = async {
        eventually("the slow one is under way", async || stack.seen().len() == 2).await;
        stack.stop.cancel();
    };
    let begun = Instant::now();
    let (slow, ()) = tokio::join!(slow, stop);

    assert_eq!(slow.unwrap().status(), 200, "under way at the stop");
    assert!(events.next().await.is_none(), "ended, well-formed");
    assert!(begun.elapsed() < Duration::from_secs(5));
    let refused = async || stack.client().get(stack.url("/healthz")).send().await.is_err();
    eventually("no more connections", refused).await;
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_stream_along() {
    let mut settings = settings();
    settings.in_flight_per_role = 1;
    let stack = Stack::with(settings);
    let (_, token) = stack.session(Role::Owner);
    let client = stack.client();
    let events = client.get(stack.url("/api/v1/events?events=1")).bearer_auth(&token);
    let stream = events.try_clone().unwrap().send().await.unwrap();
    assert_eq!(stream.status(), 200);
    assert_eq!(
        events.try_clone().unwrap().send().await.unwrap().status(),
        503,
        "one place, taken"
    );
    drop(stream);
    let free = async || events.try_clone().unwrap().send().await.unwrap().status() == 200;
    eventually("the place is free again", free).await;
}
