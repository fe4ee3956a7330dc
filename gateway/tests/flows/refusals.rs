//! Heads that never become a request: refused by the HTTP layer, answered like everything else.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stack::{Stack, settings};

/// All that comes until the gateway hangs up, in order.
async fn said(stack: &Stack, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(stack.plain).await.unwrap();
    let (mut read, mut write) = stream.split();
    let mut answer = Vec::new();
    let receive = timeout(Duration::from_secs(15), read.read_to_end(&mut answer));
    let (_, outcome) = tokio::join!(write.write_all(bytes), receive);
    // In order, not by a reset: that could take the answer with it.
    outcome.expect("still open").expect("reset");
    String::from_utf8(answer).unwrap()
}

/// Asserts that this is one whole problem and nothing behind it.
fn assert_problem(answer: &str, status: u16, code: &str, what: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").expect(what);
    let head = head.to_ascii_lowercase();
    assert!(head.starts_with(&format!("http/1.1 {status} ")), "{what}: {head}");
    for line in [
        "\r\ncontent-type: application/problem+json",
        "\r\nconnection: close",
        "\r\nx-content-type-options: nosniff",
        "\r\ncontent-security-policy: default-src 'none'",
        "\r\ncache-control: no-store",
    ] {
        assert!(head.contains(line), "{what}: {line:?} is missing in {head}");
    }
    let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{what}: {error}: {body}"));
    assert_eq!(
        (&problem["status"], &problem["code"]),
        (&status.into(), &code.into()),
        "{what}"
    );
    let id = problem["request_id"].as_str().unwrap();
    assert!(head.contains(&format!("\r\nx-request-id: {id}")), "{what}: {head}");
    assert!(head.contains(&format!("\r\ncontent-length: {}", body.len())), "{what}");
}

#[tokio::test]
async fn every_refused_head_is_a_problem_on_a_closed_connection() {
    let stack = Stack::start();
    let wide = |bytes: usize| format!("GET / HTTP/1.1\r\nHost: x\r\nX-Wide: {}\r\n\r\n", "w".repeat(bytes));
    let many = (0..200).map(|n| format!("X-H{n}: 1\r\n")).collect::<Vec<_>>().concat();
    for (what, bytes, status, code) in [
        ("garbage", "garbage\r\n\r\n".to_owned(), 400, "malformed"),
        ("a byte", "\u{1}".to_owned(), 400, "malformed"),
        (
            "version",
            "GET / HTTP/9.9\r\nHost: x\r\n\r\n".to_owned(),
            400,
            "malformed",
        ),
        (
            "name",
            "GET / HTTP/1.1\r\nHost: x\r\nBad Name: y\r\n\r\n".to_owned(),
            400,
            "malformed",
        ),
        (
            "length",
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n".to_owned(),
            400,
            "malformed",
        ),
        (
            "200 headers",
            format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"),
            431,
            "headers_too_large",
        ),
        ("200 KiB", wide(200 << 10), 431, "headers_too_large"),
        ("2 MiB", wide(2 << 20), 431, "headers_too_large"),
    ] {
        assert_problem(&said(&stack, bytes.as_bytes()).await, status, code, what);
    }
    assert!(stack.seen().is_empty());
}

#[tokio::test]
async fn a_late_head_is_a_problem() {
    let mut settings = settings();
    settings.deadlines.head_ms = 400;
    let stack = Stack::with(settings);
    let answer = said(&stack, b"GET / HTTP/1.1\r\nHost:").await;
    assert_problem(&answer, 408, "request_timeout", "late");
}

#[tokio::test]
async fn answers_before_the_refused_head_are_untouched() {
    let stack = Stack::start();
    let large = "GET /?bytes=70000 HTTP/1.1\r\nHost: x\r\n\r\n";
    let own = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    for before in [own.to_owned(), [large, own].concat(), [large, own, large, own].concat()] {
        let count = before.matches("GET ").count();
        let mut stream = TcpStream::connect(stack.plain).await.unwrap();
        stream.write_all(before.as_bytes()).await.unwrap();
        let (mut answer, mut spoilt) = (Vec::new(), false);
        let exchange = async {
            loop {
                if stream.read_buf(&mut answer).await.unwrap() == 0 {
                    break;
                }
                // Not before the last answer: who spoils their connection loses what is under way.
                let answered = String::from_utf8_lossy(&answer).matches("HTTP/1.1 200 OK\r\n").count();
                if answered == count && answer.ends_with(b"}") && !spoilt {
                    spoilt = true;
                    stream.write_all(b"garbage\r\n\r\n").await.unwrap();
                }
            }
        };
        timeout(Duration::from_secs(15), exchange).await.expect("still open");
        let answer = String::from_utf8(answer).unwrap();
        assert_eq!(answer.matches("HTTP/1.1 200 OK\r\n").count(), count);
        assert_eq!(answer.matches("x-request-id: ").count(), count + 1);
        let last = answer.rfind("HTTP/1.1 ").unwrap();
        assert_problem(&answer[last..], 400, "malformed", "behind answers");
    }
}

#[tokio::test]
async fn the_refusal_comes_through_tls_too() {
    let stack = Stack::start();
    let client = stack.client();
    let answer = client
        .get(stack.secure_url("/"))
        .header("X-Wide", "w".repeat(200 << 10))
        .send()
        .await;
    let answer = answer.expect("an answer, not a reset");
    assert_eq!(answer.status(), 431);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["code"], "headers_too_large");
}
