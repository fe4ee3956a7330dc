//! A receiver of webhooks, on this machine: takes what is posted, and answers as the path says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use testkit::eventually;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use web::Tls as ServerConfig;

use crate::settings::{Settings, WebhookSettings};

/// A request that came.
#[derive(Debug, Clone)]
pub(crate) struct Taken {
    pub path: String,
    head: String,
    pub text: String,
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

    /// Which of its signatures are by this secret, computed from what came and by another library than what made them.
    pub fn signed_by(&self, secret: &str) -> Vec<bool> {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let (id, time) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        mac.update(format!("{id}.{time}.{}", self.text).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        let signatures = self.header("webhook-signature").split(' ');
        signatures.map(|signature| signature == expected).collect()
    }
}

/// `/200` is answered with 200, and so on; `/never` not at all; `/to/<port>` sends to that port of 127.0.0.2.
#[derive(Clone)]
pub(crate) struct Receiver {
    scheme: &'static str,
    pub port: u16,
    taken: Arc<Mutex<Vec<Taken>>>,
    instead: Arc<Mutex<HashMap<String, u16>>>,
}

impl Receiver {
    pub async fn start() -> Self {
        Self::on("127.0.0.1").await
    }

    pub async fn on(address: &str) -> Self {
        Self::behind(address, None).await
    }

    /// One that speaks TLS, as the configuration says.
    pub async fn over_tls(config: Arc<ServerConfig>) -> Self {
        Self::behind("127.0.0.1", Some(TlsAcceptor::from(config))).await
    }

    async fn behind(address: &str, acceptor: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let receiver = Self {
            scheme: if acceptor.is_some() { "https" } else { "http" },
            port: listener.local_addr().unwrap().port(),
            taken: Arc::default(),
            instead: Arc::default(),
        };
        let serving = receiver.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (receiver, acceptor) = (serving.clone(), acceptor.clone());
                tokio::spawn(async move {
                    let Some(acceptor) = acceptor else {
                        return receiver.serve(stream).await;
                    };
                    if let Ok(stream) = acceptor.accept(stream).await {
                        receiver.serve(stream).await;
                    }
                });
            }
        });
        receiver
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.port)
    }

    /// What an operator would set to let it be reached; nothing else on this machine is.
    pub fn settings(&self) -> Settings {
        Settings {
            webhooks: WebhookSettings {
                networks: vec!["127.0.0.1/32".parse().unwrap()],
                ports: vec![self.port],
                plain_http: true,
                ..WebhookSettings::default()
            },
            ..Settings::default()
        }
    }

    /// From now on this path is answered so.
    pub fn answers(&self, path: &str, status: u16) {
        self.instead.lock().unwrap().insert(path.to_owned(), status);
    }

    /// All that came, oldest first.
    pub fn taken(&self) -> Vec<Taken> {
        self.taken.lock().unwrap().clone()
    }

    /// The same, once there are that many.
    pub async fn wait(&self, many: usize) -> Vec<Taken> {
        eventually(&format!("{many} deliveries"), async || {
            Some(self.taken()).filter(|taken| taken.len() >= many)
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
                let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
                self.taken.lock().unwrap().push(Taken {
                    path: path.clone(),
                    head: head.to_owned(),
                    text: body.to_owned(),
                    body: serde_json::from_str(body).unwrap_or(Value::Null),
                });
                return self.answer(&mut stream, &path).await;
            }
        }
    }

    async fn answer(&self, stream: &mut (impl AsyncRead + AsyncWrite + Unpin), path: &str) {
        let instead = self.instead.lock().unwrap().get(path).copied();
        let said = path.split('/').nth(1).unwrap_or_default();
        let head = match (said, instead) {
            ("never", None) => {
                // Until the other side has had enough.
                let _ = stream.read_u8().await;
                return;
            }
            ("to", None) => {
                let port = path.rsplit('/').next().unwrap();
                format!("HTTP/1.1 307 There\r\nlocation: http://127.0.0.2:{port}/\r\ncontent-length: 0\r\n\r\n")
            }
            (status, instead) => {
                let status = instead.unwrap_or_else(|| status.parse().unwrap());
                format!("HTTP/1.1 {status} So\r\ncontent-length: 11\r\n\r\nhidden-body")
            }
        };
        let _ = stream.write_all(head.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}
