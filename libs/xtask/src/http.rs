//! The public API as its user sees it: over TLS, with the development CA as the only trusted root.

use std::{net::IpAddr, path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// An answer that may be a refusal.
pub struct Answer {
    pub status: u16,
    pub text: String,
    /// Of what it shows; empty where there is none.
    pub etag: String,
}

pub struct Api {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    /// For `https://localhost:<port>`; `ca` is the PEM file of the one authority to trust.
    pub fn new(port: u16, ca: &Path) -> Result<Self> {
        Self::with(port, ca, |client| client)
    }

    /// The same from an address of this machine, as a program of this name.
    pub fn of(port: u16, ca: &Path, from: IpAddr, agent: &str) -> Result<Self> {
        Self::with(port, ca, |client| client.local_address(from).user_agent(agent))
    }

    #[expect(clippy::disallowed_methods, reason = "a chore on this machine's own loopback")]
    fn with(port: u16, ca: &Path, more: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder) -> Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = std::fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem)?])
            .timeout(Duration::from_mins(1))
            // Between two calls a step may take longer than the gateway keeps a silent connection.
            .pool_idle_timeout(Duration::from_secs(5))
            .no_proxy();
        let client = more(client).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self {
            base: format!("https://localhost:{port}"),
            token: None,
            client,
            runtime,
        })
    }

    pub fn sign_in(&mut self, token: String) {
        self.token = Some(token);
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.call(self.client.get(format!("{}{path}", self.base)))
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call(self.client.post(format!("{}{path}", self.base)).json(body))
    }

    /// A creation that may be repeated: the key makes it happen once.
    pub fn post_once(&self, path: &str, key: &str, body: &Value) -> Result<Answer> {
        let request = self.client.post(format!("{}{path}", self.base)).json(body);
        self.call(request.header("idempotency-key", key))
    }

    pub fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.call(self.client.patch(format!("{}{path}", self.base)).json(body))
    }

    /// The first words of an answer that has no end.
    pub fn begin(&self, path: &str) -> Result<String> {
        let request = self.authorized(self.client.get(format!("{}{path}", self.base)));
        self.runtime.block_on(async {
            let mut answer = request.send().await?.error_for_status()?;
            let first = answer.chunk().await?.unwrap_or_default();
            Ok(String::from_utf8_lossy(&first).into_owned())
        })
    }

    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.call(self.client.delete(format!("{}{path}", self.base)))
    }

    /// Deletes what is as it was when it was read.
    pub fn delete_read(&self, path: &str) -> Result<Answer> {
        let read = self.get(path)?;
        let request = self.client.delete(format!("{}{path}", self.base));
        self.call(request.header("if-match", read.etag))
    }

    fn authorized(&self, request: reqwest::RequestBuilder) -> reqwest::RequestBuilder {
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn call(&self, request: reqwest::RequestBuilder) -> Result<Answer> {
        let request = self.authorized(request);
        self.runtime.block_on(async {
            let answer = request.send().await?;
            let etag = answer.headers().get("etag").and_then(|etag| etag.to_str().ok());
            Ok(Answer {
                etag: etag.unwrap_or_default().to_owned(),
                status: answer.status().as_u16(),
                text: answer.text().await?,
            })
        })
    }
}

impl Answer {
    /// The body of a success; a refusal becomes the error, in the words of its problem.
    pub fn json(&self) -> Result<Value> {
        self.done()?;
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))
    }

    /// Whether it is a success, with a body or without.
    pub fn done(&self) -> Result<()> {
        if !(200..300).contains(&self.status) {
            bail!("answered {}: {}", self.status, self.problem());
        }
        Ok(())
    }

    fn problem(&self) -> String {
        let Ok(problem) = serde_json::from_str::<Value>(&self.text) else {
            return self.text.clone();
        };
        let part = |name: &str| problem.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("{} {} (request {})", part("code"), part("detail"), part("request_id"))
    }
}

/// A text field of an answer.
pub fn text(value: &Value, field: &str) -> Result<String> {
    let found = value
        .get(field)
        .and_then(Value::as_str)
        .with_context(|| format!("no `{field}` in {value}"))?;
    Ok(found.to_owned())
}
