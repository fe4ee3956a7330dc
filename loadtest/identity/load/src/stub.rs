//! A service that has nothing to do, and speaks to the gateway alone, as services do.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use mesh::{Mesh, Settings};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    port: u16,
    #[arg(long)]
    ca: PathBuf,
    #[arg(long)]
    certificate: PathBuf,
    #[arg(long)]
    key: PathBuf,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}";

/// Until it is ended.
pub fn run(options: &Options) -> anyhow::Result<Value> {
    let mesh = Mesh::open(&Settings {
        ca: options.ca.clone(),
        certificate: options.certificate.clone(),
        key: options.key.clone(),
    })?;
    let config = mesh.server(&["gateway"])?;
    let listener = TcpListener::bind(("127.0.0.1", options.port))?;
    for stream in listener.incoming().flatten() {
        let config = Arc::clone(&config);
        std::thread::spawn(move || answer(config, stream));
    }
    Ok(json!({}))
}

/// Requests without a body, as long as the connection holds.
fn answer(config: Arc<ServerConfig>, stream: TcpStream) -> anyhow::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config)?, stream));
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        if line == b"\r\n" {
            stream.get_mut().write_all(ANSWER)?;
        }
    }
}
