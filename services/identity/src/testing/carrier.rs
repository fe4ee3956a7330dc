//! A provider of text messages, on this machine: takes them by HTTP, with TLS or without, and answers as a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use testkit::eventually;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::sms::SmsSettings;

/// What becomes of the next requests.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Status(u16),
    Redirect(String),
    /// A body without end.
    Huge,
    /// A body that comes byte by byte, each soon enough, and never ends.
    Drip,
    /// Nothing at all.
    Never,
    HangUp,
}

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    head: String,
    pub body: Value,
}

impl Taken {
    pub fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        });
        value.unwrap_or_default()
    }
}

#[derive(Clone)]
pub(crate) struct Carrier {
    scheme: &'static str,
    port: u16,
    answer: Arc<Mutex<Answer>>,
    taken: Arc<Mutex<Vec<Taken>>>,
}

impl Carrier {
    pub async fn start() -> Self {
        Self::behind(None).await
    }

    /// One that shows who it is first.
    pub async fn start_tls(acceptor: TlsAcceptor) -> Self {
        Self::behind(Some(acceptor)).await
    }

    async fn behind(acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let carrier = Self {
            scheme: if acceptor.is_some() { "https" } else { "http" },
            port: listener.local_addr().unwrap().port(),
            answer: Arc::new(Mutex::new(Answer::Status(200))),
            taken: Arc::default(),
        };
        let serving = carrier.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (carrier, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else {
                        return carrier.serve(stream).await;
                    };
                    if let Ok(stream) = acceptor.accept(stream).await {
                        carrier.serve(stream).await;
                    }
                });
            }
        });
        carrier
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// What an operator would set to send by it.
    pub fn settings(&self) -> SmsSettings {
        SmsSettings {
            url: Some(self.url("/v1/messages")),
            networks: vec!["127.0.0.0/8".parse().unwrap()],
            plain_http: self.scheme == "http",
            ..SmsSettings::default()
        }
    }

    pub fn answers(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// All that came, oldest first, whatever was answered.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// The text of each message to this number, oldest first, once there are that many.
    pub async fn wait(&self, number: &str, many: usize) -> Vec<String> {
        eventually(&format!("{many} messages"), async || {
            let texts: Vec<String> = self
                .taken()
                .iter()
                .filter(|taken| taken.body["to"] == number)
                .map(|taken| taken.body["text"].as_str().unwrap().to_owned())
                .collect();
            (texts.len() >= many).then_some(texts)
        })
        .await
    }

    async fn serve(&self, mut stream: impl AsyncRead + AsyncWrite + Unpin) {
        let mut read = Vec::new();
        while let Ok(more) = stream.read_buf(&mut read).await {
            let text = String::from_utf8_lossy(&read).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                if more == 0 {
                    return;
                }
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().unwrap())
            });
            if body.len() >= length.unwrap_or(0) {
                let taken = Taken {
                    head: head.to_owned(),
                    body: serde_json::from_str(body).unwrap_or(Value::Null),
                };
                self.taken.lock().unwrap().push(taken);
                return self.answer(&mut stream).await;
            }
        }
    }

    async fn answer(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) {
        let answer = self.answer.lock().unwrap().clone();
        let head = match answer {
            Answer::Status(status) => {
                format!("HTTP/1.1 {status} So\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}")
            }
            Answer::Redirect(to) => {
                format!("HTTP/1.1 307 There\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            }
            Answer::Huge => {
                let _ = stream
                    .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n")
                    .await;
                while stream.write_all(&[b'x'; 8192]).await.is_ok() {}
                return;
            }
            Answer::Drip => {
                let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                let mut went = stream.write_all(head).await;
                while went.is_ok() && stream.flush().await.is_ok() {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    went = stream.write_all(b"1\r\nx\r\n").await;
                }
                return;
            }
            Answer::Never => {
                // Until the other side has had enough.
                let _ = stream.read_u8().await;
                return;
            }
            Answer::HangUp => return,
        };
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}
