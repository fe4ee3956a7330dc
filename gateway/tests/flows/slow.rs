//! T47: clients that take their time.

use std::time::{Duration, Instant};

use futures::future::join_all;
use gateway::{Deadlines, Rate, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::stack::{Stack, eventually, settings};

/// The deadline under test is short and the others are not: a busy machine is slow too.
fn hasty(change: impl FnOnce(&mut Deadlines)) -> Settings {
    let mut settings = settings();
    change(&mut settings.deadlines);
    settings
}

/// All that comes until the gateway hangs up; it must, within some seconds.
async fn until_closed(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    // A reset counts as hanging up too.
    let _ = timeout(Duration::from_secs(15), stream.read_to_end(&mut answer))
        .await
        .expect("still open");
    String::from_utf8_lossy(&answer).into_owned()
}

async fn connect(stack: &Stack) -> TcpStream {
    TcpStream::connect(stack.plain).await.unwrap()
}

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

#[tokio::test]
async fn t47_a_slow_first_head_is_408() {
    let stack = Stack::with(hasty(|deadlines| deadlines.head_ms = 400));
    let mut stream = connect(&stack).await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost:").await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}

#[tokio::test]
async fn t47_a_slow_second_head_is_closed_however_it_trickles() {
    let stack = Stack::with(hasty(|deadlines| deadlines.head_ms = 1_500));
    let mut stream = connect(&stack).await;
    stream.write_all(GET).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");

    let begun = Instant::now();
    let (mut read, mut write) = stream.split();
    let trickle = async {
        for byte in GET.iter().cycle().take(20_000) {
            if *byte == b'\r' || write.write_all(&[byte | 0x20]).await.is_err() {
                continue;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let mut rest = Vec::new();
    let closed = async {
        let _ = read.read_to_end(&mut rest).await;
    };
    tokio::select! {
        () = closed => {}
        () = trickle => panic!("never closed"),
    }
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(stack.seen().len(), 1);
}

#[tokio::test]
async fn t47_a_slow_body_is_408_and_close() {
    let stack = Stack::with(hasty(|deadlines| deadlines.body_ms = 400));
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut stream = connect(&stack).await;
        let head = format!("POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n5\r\nab");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 408"), "{framing}: {answer}");
        assert!(
            answer.contains("request_timeout") && answer.contains("connection: close"),
            "{answer}"
        );
    }
    assert!(stack.seen().is_empty());
}

#[tokio::test]
async fn t47_silence_between_requests_is_ended() {
    let stack = Stack::with(hasty(|deadlines| deadlines.keep_alive_ms = 400));
    let mut stream = connect(&stack).await;
    stream.write_all(GET).await.unwrap();
    let answer = until_closed(&mut stream).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1);
}

#[tokio::test]
async fn t47_a_handshake_that_does_not_come_is_ended() {
    let stack = Stack::with(hasty(|deadlines| deadlines.handshake_ms = 400));
    let mut stream = TcpStream::connect(stack.tls).await.unwrap();
    stream.write_all(b"\x16\x03\x01").await.unwrap();
    assert_eq!(until_closed(&mut stream).await, "");
}

#[tokio::test]
async fn t47_who_does_not_read_is_cut_off() {
    let mut settings = hasty(|deadlines| deadlines.stalled_ms = 1_000);
    settings.in_flight_per_role = 1;
    let stack = Stack::with(settings);
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut stream = socket.connect(stack.plain).await.unwrap();
    stream
        .write_all(b"GET /?bytes=30000000 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();

    // Reads nothing. The one place of the role stays taken until the gateway has had enough.
    let portal = async || stack.client().get(stack.url("/")).send().await.unwrap().status();
    eventually("the place is taken", async || portal().await == 503).await;
    let begun = Instant::now();
    eventually("the place is free again", async || portal().await == 200).await;
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got).await;
    assert!(got.len() < 30_000_000);
}

#[tokio::test]
async fn t47_an_unfinished_body_after_a_refusal_holds_nothing_open() {
    let stack = Stack::with(hasty(|deadlines| {
        (deadlines.keep_alive_ms, deadlines.head_ms) = (400, 3_000);
    }));
    for framing in ["Content-Length: 100", "Transfer-Encoding: chunked"] {
        let mut stream = connect(&stack).await;
        let head = format!("POST /api/v1/projects HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let answer = until_closed(&mut stream).await;
        assert!(answer.starts_with("HTTP/1.1 401"), "{framing}: {answer}");
    }
}

#[tokio::test]
async fn t47_one_address_cannot_take_all_connections() {
    let mut settings = settings();
    settings.connections_per_address = 20;
    let stack = Stack::with(settings);
    let mut streams = join_all((0..60).map(|_| connect(&stack))).await;
    let answered = join_all(streams.iter_mut().map(async |stream| {
        let mut first = [0; 12];
        let _ = stream.write_all(GET).await;
        stream.read_exact(&mut first).await.is_ok() && &first == b"HTTP/1.1 200"
    }));
    assert_eq!(answered.await.into_iter().filter(|ok| *ok).count(), 20);

    drop(streams);
    let again = async || {
        stack
            .client()
            .get(stack.url("/"))
            .send()
            .await
            .is_ok_and(|answer| answer.status() == 200)
    };
    eventually("places come back", again).await;
}

#[tokio::test]
async fn t47_handshakes_have_a_rate() {
    let mut settings = settings();
    settings.rates.connections = Rate {
        per_second: 1,
        burst: 10,
    };
    let stack = Stack::with(settings);
    let mut served = 0;
    for _ in 0..30 {
        let mut stream = connect(&stack).await;
        let mut first = [0; 12];
        let _ = stream.write_all(GET).await;
        served += usize::from(stream.read_exact(&mut first).await.is_ok());
    }
    assert!((10..20).contains(&served), "{served}");
    let again = async || stack.client().get(stack.url("/")).send().await.is_ok();
    eventually("one more a second", again).await;
}

#[tokio::test]
async fn t47_a_crowd_of_idlers_leaves_room_for_the_honest() {
    let mut settings = hasty(|deadlines| deadlines.head_ms = 4_000);
    settings.connections_per_address = 10_000;
    let stack = Stack::with(settings);
    let mut idlers = Vec::new();
    for n in 0..1_000 {
        let mut stream = connect(&stack).await;
        if n % 2 == 0 {
            stream.write_all(b"GET / HT").await.unwrap();
        }
        idlers.push(stream);
    }
    for _ in 0..20 {
        let begun = Instant::now();
        assert_eq!(stack.client().get(stack.url("/")).send().await.unwrap().status(), 200);
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    for stream in &mut idlers {
        until_closed(stream).await;
    }
}
