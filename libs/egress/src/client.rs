use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ipnetwork::IpNetwork;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderValue, LOCATION};
use reqwest::{Certificate, Client, Method, Request, Response, redirect};
use tokio::time::{Instant, timeout_at};

use crate::resolve::Public;
use crate::{Target, TargetError, is_public};

/// How much and how long is tolerated.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The longest answer, in bytes.
    pub bytes: u64,
    /// From the question to the last byte of the answer.
    pub total: Duration,
    /// The longest silence on the way.
    pub silence: Duration,
    /// The ports that may be connected to.
    pub ports: Vec<u16>,
    /// How many redirects are followed.
    pub redirects: u8,
    /// Networks that may be reached though they are not public: the operator's own word, never a tenant's.
    pub opened: Vec<IpNetwork>,
    /// Certificates (PEM) of authorities that vouch for hosts, beside the web's own: the operator's word too.
    pub roots: Vec<u8>,
}

impl Limits {
    /// May this address be connected to?
    pub(crate) fn admits(&self, address: IpAddr) -> bool {
        is_public(address) || self.opened.iter().any(|network| network.contains(address))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 1 << 20,
            total: Duration::from_secs(10),
            silence: Duration::from_secs(5),
            ports: vec![80, 443],
            redirects: 0,
            opened: Vec::new(),
            roots: Vec::new(),
        }
    }
}

/// Why nothing, or not all, was fetched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The URL itself, or that of a redirect, is not taken.
    #[error("the URL {0}")]
    Target(#[from] TargetError),
    /// It does not answer to us; a private address, a closed port and an unknown name are the same.
    #[error("nothing answers there")]
    Unreachable,
    /// It answered with this HTTP status.
    #[error("it answered with status {0}")]
    Status(u16),
    /// It redirects further than is followed.
    #[error("it redirects too often")]
    Redirects,
    /// The answer is longer than is read.
    #[error("the answer is larger than allowed")]
    TooLarge,
    /// The answer took too long.
    #[error("the answer takes too long")]
    TooSlow,
    /// The answer ended early, or came packed.
    #[error("the answer ended early or cannot be read")]
    Broken,
}

/// The client.
#[derive(Debug, Clone)]
pub struct Egress {
    client: Client,
    limits: Arc<Limits>,
}

impl Egress {
    /// A client within these limits.
    ///
    /// # Errors
    /// If the TLS library cannot be set up, or the certificates are none.
    pub fn new(limits: Limits) -> Result<Self, reqwest::Error> {
        let limits = Arc::new(limits);
        let roots = Certificate::from_pem_bundle(&limits.roots)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place where a client for typed addresses is made"
        )]
        let client = Client::builder()
            .dns_resolver(Arc::new(Public(Arc::clone(&limits))))
            .redirect(redirect::Policy::none())
            // A proxy would connect for us, to addresses we never see.
            .no_proxy()
            .http1_only()
            .referer(false)
            // A kept connection is one whose address was checked for another question.
            .pool_max_idle_per_host(0)
            .connect_timeout(limits.silence)
            .read_timeout(limits.silence)
            .user_agent("yunshu")
            .tls_certs_merge(roots)
            .build()?;
        Ok(Self { client, limits })
    }

    /// What it tolerates.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Checks the form of a URL without asking for it.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn target(&self, url: &str) -> Result<Target, TargetError> {
        Target::parse(url, &self.limits)
    }

    /// Asks for `target` and follows its redirects. The body is read by [`Download::chunk`].
    ///
    /// # Errors
    /// If nothing answers, or not with success.
    pub async fn get(&self, target: &Target) -> Result<Download, Error> {
        let deadline = Instant::now() + self.limits.total;
        let mut target = target.clone();
        for _ in 0..=self.limits.redirects {
            let response = timeout_at(deadline, self.once(&target))
                .await
                .map_err(|_| Error::TooSlow)??;
            let status = response.status();
            if status.is_success() {
                return Download::begin(response, self.limits.bytes, deadline);
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match location {
                Some(location) if status.is_redirection() => target = target.follow(location, &self.limits)?,
                _ => return Err(Error::Status(status.as_u16())),
            }
        }
        Err(Error::Redirects)
    }

    /// Sends a request of any method and answers whatever comes, its body whole. Redirects are answers here: a body, and what
    /// proves who sends it, is for the one address it was meant for.
    ///
    /// # Errors
    /// If nothing answers, or too much, or too slowly.
    pub async fn call(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, Error> {
        let deadline = Instant::now() + self.limits.total;
        let response = self.ask(request, deadline).await?;
        let mut answer = http::Response::builder().status(response.status());
        for (name, value) in response.headers() {
            answer = answer.header(name, value);
        }
        let body = Download::begin(response, self.limits.bytes, deadline)?.bytes().await?;
        answer.body(body).map_err(|_| Error::Broken)
    }

    /// Sends a request of any method and answers its status alone: of what else comes nothing is read or kept. Redirects are
    /// answers here, as in [`Egress::call`].
    ///
    /// # Errors
    /// If nothing answers, or too slowly.
    pub async fn tell(&self, request: http::Request<Vec<u8>>) -> Result<http::StatusCode, Error> {
        let deadline = Instant::now() + self.limits.total;
        Ok(self.ask(request, deadline).await?.status())
    }

    async fn ask(&self, request: http::Request<Vec<u8>>, deadline: Instant) -> Result<Response, Error> {
        let target = self.target(&request.uri().to_string())?;
        let mut request = Request::try_from(request).map_err(|_| TargetError::Unreadable)?;
        *request.url_mut() = target.url().clone();
        timeout_at(deadline, self.send(request))
            .await
            .map_err(|_| Error::TooSlow)?
    }

    async fn once(&self, target: &Target) -> Result<Response, Error> {
        self.send(Request::new(Method::GET, target.url().clone())).await
    }

    async fn send(&self, mut request: Request) -> Result<Response, Error> {
        let host = request.url().host_str().map(str::to_owned);
        request
            .headers_mut()
            .insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let response = self.client.execute(request).await.map_err(|error| {
            // The query of a URL is for whom it was meant alone.
            tracing::info!(host, error = ?error.without_url(), "nothing fetched");
            Error::Unreachable
        })?;
        // The second wall: who really answered.
        match response.remote_addr() {
            Some(address) if self.limits.admits(address.ip()) => Ok(response),
            _ => Err(Error::Unreachable),
        }
    }
}

/// An answer being read.
#[derive(Debug)]
pub struct Download {
    response: Response,
    left: u64,
    deadline: Instant,
}

impl Download {
    fn begin(response: Response, most: u64, deadline: Instant) -> Result<Self, Error> {
        if response.headers().contains_key(CONTENT_ENCODING) {
            return Err(Error::Broken);
        }
        if response.content_length().is_some_and(|length| length > most) {
            return Err(Error::TooLarge);
        }
        Ok(Self {
            response,
            left: most,
            deadline,
        })
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// If it breaks off, is too long or takes too long.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = timeout_at(self.deadline, self.response.chunk())
            .await
            .map_err(|_| Error::TooSlow)?;
        let piece = piece.map_err(|error| {
            if error.is_timeout() {
                Error::TooSlow
            } else {
                Error::Broken
            }
        })?;
        if let Some(piece) = &piece {
            let length = piece.len() as u64;
            self.left = self.left.checked_sub(length).ok_or(Error::TooLarge)?;
        }
        Ok(piece)
    }

    /// The whole body.
    ///
    /// # Errors
    /// As [`Download::chunk`].
    pub async fn bytes(mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(piece) = self.chunk().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }
}
