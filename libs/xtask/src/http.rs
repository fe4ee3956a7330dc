//! The public API as its user sees it: over TLS, with the development CA as the only trusted root.

use std::{path::Path, time::Duration};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// An answer that may be a refusal.
pub struct Answer {
    pub status: u16,
    pub text: String,
}

pub struct Api {
    base: String,
    token: Option<String>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Api {
    /// For `https://localhost:<port>`; `ca` is the PEM file of the one authority to trust.
    #[expect(clippy::disallowed_methods, reason = "a chore on this machine's own loopback")]
    pub fn new(port: u16, ca: &Path) -> Result<Self> {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let pem = std::fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&pem)?])
            .timeout(Duration::from_mins(1))
            // Between two calls a step may take longer than the gateway keeps a silent connection.
            .pool_idle_timeout(Duration::from_secs(5))
            .no_proxy()
            .build()?;
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

    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.call(self.client.delete(format!("{}{path}", self.base)))
    }

    fn call(&self, mut request: reqwest::RequestBuilder) -> Result<Answer> {
        if let Some(token) = &self.token {
            request = request.bearer_auth(token);
        }
        self.runtime.block_on(async {
            let answer = request.send().await?;
            Ok(Answer {
                status: answer.status().as_u16(),
                text: answer.text().await?,
            })
        })
    }
}

impl Answer {
    /// The body of a success; a refusal becomes the error, in the words of its problem.
    pub fn json(&self) -> Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("answered {}: {}", self.status, self.problem());
        }
        serde_json::from_str(&self.text).with_context(|| format!("not JSON: {}", self.text))
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
