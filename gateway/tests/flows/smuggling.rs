//! T46: requests that two readers would cut apart at different places.
//!
//! Behind the gateway stands a service that records bytes. Whatever is sent in front, it must see either nothing or
//! exactly the one request that the sender was answered for, and `/smuggled` never.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::stack::{Stack, settings};

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

/// What the gateway answers to these bytes, until it hangs up or falls silent.
fn exchange(stack: &Stack, bytes: &[u8]) -> (String, bool) {
    let mut stream = TcpStream::connect(stack.plain).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    // The gateway may hang up while we still send.
    let _ = stream.write_all(bytes);
    let (mut answer, mut piece) = (Vec::new(), [0; 4_096]);
    loop {
        match stream.read(&mut piece) {
            Ok(0) => return (String::from_utf8_lossy(&answer).into_owned(), true),
            Ok(n) => answer.extend_from_slice(&piece[..n]),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                return (String::from_utf8_lossy(&answer).into_owned(), true);
            }
            Err(_) => return (String::from_utf8_lossy(&answer).into_owned(), false),
        }
    }
}

const HOST: &str = "Host: cloud.example\r\n";
const SECOND: &str = "GET /smuggled HTTP/1.1\r\nHost: cloud.example\r\n\r\n";

fn login(headers: &str, body: &str) -> String {
    format!("POST /api/v1/auth/login HTTP/1.1\r\n{HOST}{headers}\r\n{body}")
}

/// Each is refused, and the connection with it.
fn refused() -> Vec<(String, String)> {
    let mut corpus = Vec::new();
    let mut add = |name: &str, bytes: String| corpus.push((name.to_owned(), bytes));
    let chunked = format!("0\r\n\r\n{SECOND}");
    let length = SECOND.len();

    add(
        "CL.TE",
        login("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", &chunked),
    );
    add(
        "TE.CL",
        login("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", &chunked),
    );
    for (one, two) in [("5", "6"), ("5", "5"), ("0", &*length.to_string())] {
        let headers = format!("Content-Length: {one}\r\nContent-Length: {two}\r\n");
        add(&format!("CL {one} and CL {two}"), login(&headers, SECOND));
    }
    for value in [
        "5, 5",
        "5,6",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5;",
        "",
        "1e1",
        "٥",
        "18446744073709551616",
        "5\u{b}",
    ] {
        add(
            &format!("CL {value:?}"),
            login(&format!("Content-Length: {value}\r\n"), SECOND),
        );
    }
    for value in [
        "xchunked",
        "chunked, chunked",
        "chunked, identity",
        "identity, chunked",
        "gzip, chunked",
        "gzip",
        "chunked;q=1",
        "\"chunked\"",
        "chunked\u{b}",
        "\u{b}chunked",
        "chunk\u{0}ed",
        "identity",
        "",
        ",chunked",
        "chunked,",
        "cow",
        "x: chunked",
    ] {
        add(
            &format!("TE {value:?}"),
            login(&format!("Transfer-Encoding: {value}\r\n"), &chunked),
        );
    }
    for line in [
        "Transfer-Encoding : chunked",
        "Transfer-Encoding\t: chunked",
        " Transfer-Encoding: chunked",
        "\tTransfer-Encoding: chunked",
        "Transfer-Encoding:\n chunked",
        "Transfer-Encoding:\r\n chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X: y\nTransfer-Encoding: chunked",
        "X:\0\r\nTransfer-Encoding: chunked",
        "Transfer\u{0}-Encoding: chunked",
        "Transfer-Encoding\u{0}: chunked",
        "Content-Length : 5",
        " Content-Length: 5",
        "X: y\n\r\nContent-Length: 5",
        "Content-Length: 5\r\n 6",
        "Content-Length:\r\n 5",
        "X y: 1",
        ": nameless",
        "X",
    ] {
        add(&format!("line {line:?}"), login(&format!("{line}\r\n"), &chunked));
    }
    for twice in ["chunked", "identity", "gzip"] {
        let headers = format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: {twice}\r\n");
        add(&format!("TE twice, {twice}"), login(&headers, &chunked));
    }
    for body in [
        "G\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhellohello\r\n0\r\n\r\n",
        "\r\n5\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\r\r\nhello\r\n0\r\n\r\n",
        "5;\nhello\r\n0\r\n\r\n",
        "5;a=\u{0}\r\nhello\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\n",
        "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\n\n",
        "5\r\nhello\r\n0\r\n\n",
        "5\r\nhello\r\n0\r\nX: y\n\r\n",
        "5;a\rb\r\nhello\r\n0\r\n\r\n",
    ] {
        add(
            &format!("chunks {body:?}"),
            login("Transfer-Encoding: chunked\r\n", &format!("{body}{SECOND}")),
        );
    }
    for head in [
        format!("POST /api/v1/auth/login HTTP/1.0\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunked}"),
        format!("POST /api/v1/auth/login HTTP/1.1\n{HOST}\n{SECOND}"),
        "GET / HTTP/1.1\nHost: cloud.example\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: cloud.example\nX: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: cloud.example\r\n\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
        format!("GET  / HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET / HTTP/1.1 \r\n{HOST}\r\n"),
        format!("GET /\r\n{HOST}\r\n"),
        format!("GET / HTTP/2.0\r\n{HOST}\r\n"),
        format!("GET / HTTP/1.12\r\n{HOST}\r\n"),
        format!("GET / http/1.1\r\n{HOST}\r\n"),
        format!("GET\u{0} / HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET /a b HTTP/1.1\r\n{HOST}\r\n"),
        format!("GET http://cloud.example/ HTTP/1.1\r\n{HOST}\r\n{SECOND}"),
        format!("GET http://127.0.0.1/smuggled HTTP/1.1\r\n{HOST}\r\n"),
        format!("CONNECT cloud.example:443 HTTP/1.1\r\n{HOST}\r\n{SECOND}"),
        format!("GET / HTTP/1.1\r\n{HOST}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n{SECOND}"),
        format!("GET / HTTP/1.1\r\n{HOST}Upgrade: WebSocket\r\n\r\n{SECOND}"),
        format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{SECOND}"),
    ] {
        corpus.push((format!("head {head:.60?}"), head));
    }
    corpus
}

#[test]
fn t46_what_could_be_cut_apart_in_two_ways_is_refused() {
    let (url, recorded) = recorder();
    let stack = Stack::with_upstreams(settings(), |upstreams| {
        upstreams.identity = vec![url.clone()];
        upstreams.portal = vec![url];
    });
    let mut wrong = Vec::new();
    for (name, bytes) in refused() {
        let (answer, closed) = exchange(&stack, bytes.as_bytes());
        let status = answer.get(9..12).unwrap_or("none").to_owned();
        let one = answer.matches("HTTP/1.1 ").count() == 1;
        let seen = std::mem::take(&mut *recorded.lock().unwrap());
        if !(status.starts_with('4') && closed && one && seen.is_empty()) {
            wrong.push(format!(
                "{name}: status {status}, closed {closed}, one answer {one}, behind {seen:?}"
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {}:\n{}",
        wrong.len(),
        refused().len(),
        wrong.join("\n")
    );
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
        let (answer, _) = exchange(&stack, bytes.as_bytes());
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
    let bytes: String = (0..5).map(|n| format!("GET /{n} HTTP/1.1\r\n{HOST}\r\n")).collect();
    let (answer, _) = exchange(&stack, bytes.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 5);
    let lines: Vec<_> = recorded
        .lock()
        .unwrap()
        .iter()
        .map(|seen| seen[..6].to_owned())
        .collect();
    assert_eq!(lines, ["GET /0", "GET /1", "GET /2", "GET /3", "GET /4"]);
}
