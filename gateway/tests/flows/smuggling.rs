//! T46: requests that two readers would cut apart at different places.
//!
//! Behind the gateway stands a service that records bytes. Whatever is sent in front, it must see either nothing or
//! exactly the one request that the sender was answered for, and `/smuggled` never.

mod corpus;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::stack::{Stack, settings};
use corpus::{HOST, SECOND, login};

type Recorded = Arc<Mutex<Vec<String>>>;

/// Reads requests strictly and answers each; a thread for each connection, which ends with it.
fn recorder() -> (url::Url, Recorded) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let recorded = Recorded::default();
    let book = Arc::clone(&recorded);
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let book = Arc::clone(&book);
            std::thread::spawn(move || record(&stream, &book));
        }
    });
    (url, recorded)
}

fn record(stream: &TcpStream, book: &Recorded) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if !matches!(reader.read_line(&mut head), Ok(1..)) {
                return;
            }
        }
        let field = |name: &str| {
            let line = head.lines().find(|line| line.to_ascii_lowercase().starts_with(name));
            line.and_then(|line| line.split_once(':'))
                .map(|(_, value)| value.trim().to_owned())
        };
        assert!(
            field("transfer-encoding").is_none() || field("content-length").is_none(),
            "{head}"
        );
        let mut body = Vec::new();
        if field("transfer-encoding").is_some() {
            while !body.ends_with(b"0\r\n\r\n") {
                if !matches!(reader.read_until(b'\n', &mut body), Ok(1..)) {
                    return;
                }
            }
        } else if let Some(length) = field("content-length") {
            body.resize(length.parse().unwrap(), 0);
            if reader.read_exact(&mut body).is_err() {
                return;
            }
        }
        book.lock()
            .unwrap()
            .push(format!("{head}{}", String::from_utf8_lossy(&body)));
        let mut answer = stream;
        if answer
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .is_err()
        {
            return;
        }
    }
}

/// What the gateway answers to these bytes, until it hangs up, falls silent or has answered so often with our "ok".
fn exchange(stack: &Stack, bytes: &[u8], oks: usize) -> (String, bool) {
    let mut stream = TcpStream::connect(stack.plain).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    // The gateway may hang up while we still send.
    let _ = stream.write_all(bytes);
    let (mut answer, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (String::from_utf8_lossy(&answer).into_owned(), true),
            Ok(n) => {
                answer.extend_from_slice(&piece[..n]);
                let text = String::from_utf8_lossy(&answer);
                if text.matches("\r\n\r\nok").count() == oks {
                    return (text.into_owned(), false);
                }
            }
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (String::from_utf8_lossy(&answer).into_owned(), true);
            }
            Err(_) => return (String::from_utf8_lossy(&answer).into_owned(), false),
        }
    }
}

#[test]
fn t46_what_could_be_cut_apart_in_two_ways_is_refused() {
    let (url, recorded) = recorder();
    let stack = Stack::with_upstreams(settings(), |upstreams| {
        upstreams.identity = vec![url.clone()];
        upstreams.portal = vec![url];
    });
    let corpus = corpus::refused();
    assert!(corpus.len() >= 300, "{}", corpus.len());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..24 {
            scope.spawn(|| {
                while let Some(bytes) = corpus.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let (answer, closed) = exchange(&stack, bytes.as_bytes(), usize::MAX);
                    let status = answer.get(9..12).unwrap_or("none");
                    let one = answer.matches("HTTP/1.1 ").count() == 1;
                    if !(status.starts_with('4') && closed && one) {
                        let said = format!("{bytes:?}: status {status}, closed {closed}, one answer {one}");
                        wrong.lock().unwrap().push(said);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        corpus.len(),
        wrong.join("\n")
    );
    assert!(recorded.lock().unwrap().is_empty(), "{:?}", recorded.lock().unwrap());
}

#[test]
fn t46_what_is_unusual_but_clear_arrives_once() {
    let (url, recorded) = recorder();
    let stack = Stack::with_upstreams(settings(), |upstreams| {
        upstreams.identity = vec![url.clone()];
        upstreams.portal = vec![url];
    });
    for (name, bytes, body, answers) in [
        ("plain", login("Content-Length: 5\r\n", "hello"), "hello", 1),
        (
            "chunked",
            login("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            "hello",
            1,
        ),
        (
            "case",
            login("tRANSFER-eNCODING: CHUNKED\r\n", "5\r\nhello\r\n0\r\n\r\n"),
            "hello",
            1,
        ),
        (
            "extension",
            login("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\n\r\n"),
            "hello",
            1,
        ),
        (
            "trailer",
            login(
                "Transfer-Encoding: chunked\r\n",
                "5\r\nhello\r\n0\r\nX-Yunshu-Passport: x\r\n\r\n",
            ),
            "hello",
            1,
        ),
        ("zero padded", login("Content-Length: 005\r\n", "hello"), "hello", 1),
        (
            "expect",
            login("Expect: 100-continue\r\nContent-Length: 5\r\n", "hello"),
            "hello",
            2,
        ),
        (
            "h2c",
            login("Upgrade: h2c\r\nConnection: Upgrade\r\nContent-Length: 5\r\n", "hello"),
            "hello",
            1,
        ),
        (
            "a body that looks like a request",
            login(&format!("Content-Length: {}\r\n", SECOND.len()), SECOND),
            SECOND,
            1,
        ),
        (
            "GET with a body",
            format!("GET / HTTP/1.1\r\n{HOST}Content-Length: 5\r\n\r\nhello"),
            "hello",
            1,
        ),
        ("no body", format!("GET / HTTP/1.1\r\n{HOST}\r\n"), "", 1),
        ("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n".to_owned(), "", 1),
    ] {
        let (answer, _) = exchange(&stack, bytes.as_bytes(), 1);
        assert_eq!(answer.matches("HTTP/1.").count(), answers, "{name}: {answer}");
        assert!(answer.contains(" 200 OK"), "{name}: {answer}");
        let seen = std::mem::take(&mut *recorded.lock().unwrap());
        assert_eq!(seen.len(), 1, "{name}: {seen:?}");
        let (head, got) = seen[0].split_once("\r\n\r\n").unwrap();
        assert!(
            !head.to_ascii_lowercase().contains("expect:") && !head.contains("upgrade"),
            "{name}: {head}"
        );
        assert!(
            got.contains(body) && (body.is_empty() == got.is_empty()),
            "{name}: {got}"
        );
        assert!(!seen[0].contains("X-Yunshu-Passport: x"), "trailers do not cross");
    }
}

#[test]
fn t46_pipelined_requests_are_answered_in_turn() {
    let (url, recorded) = recorder();
    let stack = Stack::with_upstreams(settings(), |upstreams| upstreams.portal = vec![url]);
    let bytes = (0..5).fold(String::new(), |mut bytes, n| {
        write!(bytes, "GET /{n} HTTP/1.1\r\n{HOST}\r\n").unwrap();
        bytes
    });
    let (answer, _) = exchange(&stack, bytes.as_bytes(), 5);
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 5);
    let lines: Vec<_> = recorded
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen[..6].to_owned())
        .collect();
    assert_eq!(lines, ["GET /0", "GET /1", "GET /2", "GET /3", "GET /4"]);
}
