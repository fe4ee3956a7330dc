//! Servers: one that may be visited and behaves in every way a server can, and several that nobody may reach.

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Listens on port 80 of each and answers how many have come.
pub fn serve_forbidden(addresses: &[IpAddr]) -> impl Fn() -> usize + use<> {
    let visitors = Arc::new(AtomicUsize::new(0));
    for address in addresses {
        let listener = TcpListener::bind((*address, 80)).expect("port 80 of the namespace");
        let visitors = visitors.clone();
        std::thread::spawn(move || {
            for visitor in listener.incoming() {
                visitors.fetch_add(1, Ordering::SeqCst);
                drop(visitor);
            }
        });
    }
    move || visitors.load(Ordering::SeqCst)
}

/// Answers on port 80 of an address until the process ends.
pub fn serve_public(address: IpAddr) {
    let listener = TcpListener::bind((address, 80)).expect("port 80 of the namespace");
    std::thread::spawn(move || {
        for visitor in listener.incoming().flatten() {
            // A visitor who left early is no failure of the server.
            std::thread::spawn(move || drop(answer(visitor)));
        }
    });
}

fn answer(mut visitor: TcpStream) -> std::io::Result<()> {
    let mut asked = [0; 4096];
    let length = visitor.read(&mut asked)?;
    let asked = String::from_utf8_lossy(&asked[..length]).into_owned();
    let path = asked.split(' ').nth(1).unwrap_or_default();
    let redirect =
        |to: &str| format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let ok = |rest: &str| format!("HTTP/1.1 200 OK\r\nconnection: close\r\n{rest}");
    let head = match path {
        "/" => ok("content-length: 6\r\n\r\npublic"),
        "/to-public" => redirect("http://public.test/"),
        "/to-private" => redirect("http://10.0.0.1/"),
        "/to-name" => redirect("http://private.test/"),
        "/to-port" => redirect("http://public.test:22/"),
        "/to-file" => redirect("file:///etc/passwd"),
        "/to-itself" => redirect("/to-itself"),
        "/long" => ok("content-length: 1099511627776\r\n\r\n"),
        "/packed" => ok("content-encoding: gzip\r\ncontent-length: 2\r\n\r\n\x1f\x02"),
        "/short" => ok("content-length: 600\r\n\r\nshort"),
        "/endless" | "/drip" | "/silent" => ok("\r\nbegins"),
        "/mute" => String::new(),
        _ => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
    };
    visitor.write_all(head.as_bytes())?;
    match path {
        "/endless" => loop {
            visitor.write_all(&[b'x'; 8192])?;
        },
        // A byte at a time, each within the silence that is tolerated: only the time for all of it ends this.
        "/drip" => loop {
            visitor.write_all(b".")?;
            visitor.set_read_timeout(Some(Duration::from_millis(100)))?;
            drop(visitor.read(&mut [0; 1]));
        },
        // Says nothing until the visitor leaves.
        "/silent" | "/mute" => visitor.read(&mut [0; 1]).map(drop),
        _ => Ok(()),
    }
}
