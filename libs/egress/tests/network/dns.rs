//! A name server for A and AAAA (RFC 1035), as small as one can be. Every answer lives for no time at all.

use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};

const A: u16 = 1;
const AAAA: u16 = 28;

static FLIP: AtomicBool = AtomicBool::new(false);

/// Answers until the process ends.
pub fn serve() {
    let socket = UdpSocket::bind("127.0.0.1:53").expect("port 53 of the namespace");
    std::thread::spawn(move || {
        let mut query = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut query) {
            drop(socket.send_to(&answer(&query[..length]), from));
        }
    });
}

fn addresses(name: &str) -> Option<Vec<IpAddr>> {
    let found = match name {
        "both" => "10.0.0.1 11.0.0.1 127.0.0.1",
        "private" => "10.0.0.1 192.168.7.7",
        "loopback" => "127.0.0.1",
        "metadata" => "169.254.169.254",
        "shared" => "100.64.0.1",
        "mapped" => "::ffff:127.0.0.1",
        "loopback6" => "::1",
        "unique-local" => "fd00::1",
        "flip" if FLIP.fetch_xor(true, Ordering::Relaxed) => "127.0.0.1",
        "public" | "flip" => "11.0.0.1",
        _ => return None,
    };
    Some(found.split(' ').map(|address| address.parse().unwrap()).collect())
}

fn answer(query: &[u8]) -> Vec<u8> {
    // The question begins behind the header: labels, each after its length, then type and class.
    let mut at = 12;
    let mut labels = Vec::new();
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..=at + length]).to_ascii_lowercase());
        at += length + 1;
    }
    let end = at + 5;
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let name = labels.first().map(String::as_str).unwrap_or_default();
    // Only questions of the kind flip the name, or its two questions would cancel each other out.
    let found = if kind == A || name != "flip" {
        addresses(name)
    } else {
        Some(Vec::new())
    };
    let code = if found.is_some() { 0 } else { 3 };
    let fitting = found
        .into_iter()
        .flatten()
        .filter(|address| address.is_ipv4() == (kind == A));
    let fitting: Vec<IpAddr> = if kind == A || kind == AAAA {
        fitting.collect()
    } else {
        Vec::new()
    };
    let mut reply = query[..2].to_vec();
    reply.extend([
        0x85,
        0x80 | code,
        0,
        1,
        0,
        u8::try_from(fitting.len()).unwrap(),
        0,
        0,
        0,
        0,
    ]);
    reply.extend(&query[12..end]);
    for address in fitting {
        // The name of the question, this type, class IN, no time to live.
        reply.extend([0xc0, 12]);
        reply.extend(kind.to_be_bytes());
        reply.extend([0, 1, 0, 0, 0, 0]);
        match address {
            IpAddr::V4(address) => reply.extend([&[0, 4][..], &address.octets()].concat()),
            IpAddr::V6(address) => reply.extend([&[0, 16][..], &address.octets()].concat()),
        }
    }
    reply
}
