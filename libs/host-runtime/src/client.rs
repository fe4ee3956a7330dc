//! The calls of `host-api`, with deadlines and bounds.

use std::{sync::Arc, time::Duration};

use host_api::{
    Accepted, Desired, DesiredQuery, Enrol, Enrolled, ImageFile, Observed, STALE_SESSION, Session, StartSession,
};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use crate::Identity;

/// How long a call may take beyond what the server was asked to wait.
const DEADLINE: Duration = Duration::from_secs(10);

/// How long one image may be silent.
const SILENCE: Duration = Duration::from_secs(30);

/// The largest answer that is read. Bytes; a host with 10,000 VMs stays below.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

/// The API base.
const BASE: &str = "/api/v1";

/// Changes a request before it is sent.
pub type Decorate = Arc<dyn Fn(RequestBuilder) -> RequestBuilder + Send + Sync>;

/// Speaks to one control plane as one host.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    gateway: Url,
    decorate: Decorate,
}

/// Why a call failed: what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// A newer process speaks for this host. Stop.
    #[error("a newer session of this host exists")]
    Zombie,
    /// The control plane understood and said no.
    #[error("refused with {status} {code}: {detail}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The stable code of the problem.
        code: String,
        /// What a person is told.
        detail: String,
    },
    /// It did not answer, or not sensibly. Try again.
    #[error("no answer: {0}")]
    Unavailable(String),
}

impl Client {
    /// `gateway` is `https://host:8443` for example; the API base is added. `roots` are the only certificates trusted, PEM; none
    /// is for tests over plain HTTP, which have no gateway before them and prove who they are by `decorate`.
    pub fn new(
        gateway: Url,
        roots: Option<&str>,
        identity: &Identity,
        decorate: Option<Decorate>,
    ) -> Result<Self, CallError> {
        let broken = |error: reqwest::Error| CallError::Unavailable(said(&error));
        #[expect(
            clippy::disallowed_methods,
            reason = "the gateway's address is the operator's, and often a private one"
        )]
        let mut http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .http1_only()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(SILENCE + Duration::from_millis(host_api::MAX_WAIT_MS))
            .user_agent(concat!("yunshu-hypervisor/", env!("CARGO_PKG_VERSION")));
        if let Some(roots) = roots {
            let roots = reqwest::Certificate::from_pem_bundle(roots.as_bytes()).map_err(broken)?;
            http = http
                .https_only(true)
                .tls_version_min(reqwest::tls::Version::TLS_1_3)
                .tls_certs_only(roots)
                .identity(reqwest::Identity::from_pem(identity.pem().as_bytes()).map_err(broken)?);
        }
        Ok(Self {
            http: http.build().map_err(broken)?,
            gateway,
            decorate: decorate.unwrap_or_else(|| Arc::new(|r| r)),
        })
    }

    /// Binds the certificate to a new host.
    pub async fn enrol(&self, ask: &Enrol) -> Result<Enrolled, CallError> {
        self.call(self.http.post(self.at("/hypervisor/enrol")).json(ask), DEADLINE)
            .await
    }

    /// Takes the next epoch.
    pub async fn session(&self, ask: &StartSession) -> Result<Session, CallError> {
        self.call(self.http.post(self.at("/hypervisor/session")).json(ask), DEADLINE)
            .await
    }

    /// Waits for another revision.
    pub async fn desired(&self, ask: &DesiredQuery) -> Result<Desired, CallError> {
        let wait = Duration::from_millis(ask.wait_ms);
        self.call(
            self.http.get(self.at("/hypervisor/desired")).query(ask),
            DEADLINE + wait,
        )
        .await
    }

    /// Reports.
    pub async fn observed(&self, ask: &Observed) -> Result<Accepted, CallError> {
        self.call(self.http.post(self.at("/hypervisor/observed")).json(ask), DEADLINE)
            .await
    }

    /// Starts to download an image file. The body is the caller's to bound by the file's size and to check.
    pub async fn image(&self, file: &ImageFile) -> Result<Response, CallError> {
        let answer = (self.decorate)(self.http.get(self.at(&file.path()))).send().await;
        accept(answer.map_err(|error| CallError::Unavailable(said(&error)))?).await
    }

    fn at(&self, path: &str) -> String {
        format!("{}{BASE}{path}", self.gateway.as_str().trim_end_matches('/'))
    }

    async fn call<T: DeserializeOwned>(&self, request: RequestBuilder, deadline: Duration) -> Result<T, CallError> {
        let unavailable = |error: reqwest::Error| CallError::Unavailable(said(&error));
        let answer = (self.decorate)(request)
            .timeout(deadline)
            .send()
            .await
            .map_err(unavailable)?;
        let body = read(accept(answer).await?).await?;
        serde_json::from_slice(&body)
            .map_err(|error| CallError::Unavailable(format!("not the answer asked for: {error}")))
    }
}

async fn accept(answer: Response) -> Result<Response, CallError> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let body = read(answer).await.unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    Err(match status {
        StatusCode::CONFLICT if problem.code == STALE_SESSION => CallError::Zombie,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => CallError::Unavailable(status.to_string()),
        _ if status.is_client_error() => CallError::Refused {
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail,
        },
        _ => CallError::Unavailable(status.to_string()),
    })
}

async fn read(mut answer: Response) -> Result<Vec<u8>, CallError> {
    let mut body = Vec::new();
    while let Some(part) = answer
        .chunk()
        .await
        .map_err(|error| CallError::Unavailable(said(&error)))?
    {
        if body.len() + part.len() > MAX_ANSWER {
            return Err(CallError::Unavailable("the answer has no end".to_owned()));
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
}

/// An error with its causes: reqwest's own text names only the outermost.
fn said(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}
