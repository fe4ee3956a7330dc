use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use db::{Connect, Db, Wake};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixListener, UnixStream};

use crate::Bench;

/// The version in the message that begins a connection; others before it ask for encryption.
const STARTUP: [u8; 4] = [0, 3, 0, 0];

/// A way to the database on which every statement is written down: to compare what two requests ask of it.
pub struct Wire {
    folder: tempfile::TempDir,
    port: u16,
    said: Said,
}

type Said = Arc<Mutex<Vec<String>>>;

impl Wire {
    /// Between a service and the database of this bench.
    pub fn of(bench: &Bench) -> Self {
        let to = bench.connect();
        let folder = tempfile::tempdir().expect("a directory");
        let (port, said) = (to.port, Said::default());
        let door = UnixListener::bind(folder.path().join(format!(".s.PGSQL.{port}"))).expect("a socket");
        let (shutdown, heard) = (bench.shutdown.clone(), Arc::clone(&said));
        #[expect(clippy::disallowed_methods, reason = "the bench's token ends it")]
        tokio::spawn(shutdown.run_until_cancelled_owned(async move {
            while let Ok((client, _)) = door.accept().await {
                tokio::spawn(connect(client, to.clone(), Arc::clone(&heard)));
            }
        }));
        Self { folder, port, said }
    }

    /// The database as the service of this name sees it, over this wire.
    pub fn db(&self, bench: &Bench, service: &str) -> Db {
        let to = Connect {
            host: self.folder.path().display().to_string(),
            port: self.port,
            ..bench.connect()
        };
        Db::connect(&to, service, bench.clock.clone(), Wake::default())
            .expect("options")
            .with_keys(bench.keyring.clone())
    }

    /// What was said since this was last asked, in order.
    pub fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn connect(client: UnixStream, to: Connect, said: Said) -> std::io::Result<()> {
    if to.host.starts_with('/') {
        let socket = format!("{}/.s.PGSQL.{}", to.host, to.port);
        pass(client, UnixStream::connect(socket).await?, said).await
    } else {
        pass(client, TcpStream::connect((to.host, to.port)).await?, said).await
    }
}

async fn pass(client: UnixStream, server: impl AsyncRead + AsyncWrite + Send, said: Said) -> std::io::Result<()> {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let questions = async {
        let (mut begun, mut known) = (false, HashMap::new());
        loop {
            let (kind, body) = message(&mut from_client, &mut to_server, begun).await?;
            begun = begun || body.starts_with(&STARTUP);
            note(kind, &body, &mut known, &said);
        }
    };
    tokio::select! {
        ended = questions => ended,
        ended = tokio::io::copy(&mut from_server, &mut to_client) => ended.map(drop),
    }
}

/// One message of the client's, handed on; the first ones have no kind.
async fn message(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut (impl AsyncWrite + Unpin),
    begun: bool,
) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = if begun { from.read_u8().await? } else { 0 };
    let length = from.read_u32().await?;
    let mut body = vec![0; length as usize - 4];
    from.read_exact(&mut body).await?;
    let mut whole = Vec::with_capacity(body.len() + 5);
    whole.extend(begun.then_some(kind));
    whole.extend(length.to_be_bytes());
    whole.extend(&body);
    to.write_all(&whole).await?;
    Ok((kind, body))
}

/// Statements are named when they are prepared, and called by name.
fn note(kind: u8, body: &[u8], known: &mut HashMap<String, String>, said: &Said) {
    let mut texts = body
        .split(|byte| *byte == 0)
        .map(|text| String::from_utf8_lossy(text).into_owned());
    let mut next = || texts.next().unwrap_or_default();
    let statement = match kind {
        b'P' => {
            known.insert(next(), next());
            return;
        }
        b'B' => {
            let (_portal, name) = (next(), next());
            known.get(&name).cloned().unwrap_or(name)
        }
        b'Q' => next(),
        _ => return,
    };
    let one_line = statement.split_whitespace().collect::<Vec<_>>().join(" ");
    said.lock().unwrap_or_else(PoisonError::into_inner).push(one_line);
}
