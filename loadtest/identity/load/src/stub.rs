//! A service that has nothing to do.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Until it is ended.
pub fn run(options: &Options) -> anyhow::Result<Value> {
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
    Ok(json!({}))
}

/// Requests without a body, as long as the connection holds.
fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line == b"\r\n" {
            stream.write_all(ANSWER)?;
        }
    }
}
