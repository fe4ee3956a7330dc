//! Hands a request to a service and its answer back, both as streams.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_http::header::HeaderMap;
use actix_http::uri::PathAndQuery;
use actix_http::{Method, Uri};
use awc::ClientResponse;
use awc::error::{ConnectError, SendRequestError};
use fault::Error;
use mesh::Mesh;
use rustls::ClientConfig;

use crate::body::{Inbound, Trouble};
use crate::routes::Role;
use crate::settings::{Settings, ms};
use crate::upstream::{Fleet, Instance};

/// Shorter than the services' own five seconds, so that we do not write into a connection that is being closed.
const IDLE: Duration = Duration::from_secs(4);

/// One request to a service.
pub struct Ask {
    pub method: Method,
    pub path: PathAndQuery,
    pub headers: HeaderMap,
    pub body: Inbound,
    /// Until the answer's head is there.
    pub deadline: Duration,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No instance takes requests for so long.
    #[error("no instance takes requests")]
    Away(Duration),
    /// Too many requests wait for this role already.
    #[error("too many requests under way")]
    Full,
    /// No connection came about: the request was not seen by anybody.
    #[error("not reached: {0}")]
    Unreached(String),
    /// The connection ended before an answer.
    #[error("connection lost: {0}")]
    Lost(String),
    /// The answer took too long.
    #[error("no answer in time")]
    Late,
    /// The request's own body did not arrive.
    #[error(transparent)]
    Body(#[from] Trouble),
}

impl Failure {
    /// What the client reads; which instance failed, and how, is for the log.
    pub fn public(&self, role: Role) -> Error {
        let seconds = match self {
            Self::Body(trouble) => return (*trouble).into(),
            Self::Away(wait) => u32::try_from(wait.as_secs() + 1).unwrap_or(5),
            _ => 1,
        };
        tracing::warn!(role = role.name(), error = %self, "a service did not answer");
        Error::unavailable(
            "The part of the platform that answers this is away; try again shortly.",
            seconds,
        )
    }
}

/// An answer, whose body is still to come.
pub struct Reply {
    pub response: ClientResponse,
    /// Held as long as the body is on its way.
    pub slot: Slot,
}

/// A worker's connections to the services.
pub struct Proxy {
    fleet: Arc<Fleet>,
    lanes: Vec<(Role, Lane)>,
}

/// One role's connections: apart from the others, so that a role that hangs takes no other with it.
struct Lane {
    client: awc::Client,
    under_way: Rc<Cell<usize>>,
    most: usize,
}

/// A place among the requests under way.
pub struct Slot(Rc<Cell<usize>>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// How each role is spoken to: with TLS, or in the clear on loopback.
#[derive(Clone, Default)]
pub struct Lines(Vec<(Role, Arc<ClientConfig>)>);

impl Lines {
    pub fn new(mesh: Option<&Mesh>) -> Result<Self, mesh::Error> {
        let Some(mesh) = mesh else { return Ok(Self::default()) };
        let line = |role: Role| Ok((role, mesh.client(role.name())?));
        Role::ALL.into_iter().map(line).collect::<Result<_, _>>().map(Self)
    }

    fn of(&self, role: Role) -> Option<Arc<ClientConfig>> {
        self.0
            .iter()
            .find_map(|(of, line)| (*of == role).then(|| Arc::clone(line)))
    }
}

impl Lane {
    fn new(settings: &Settings, line: Option<Arc<ClientConfig>>) -> Self {
        let connector = awc::Connector::new()
            .limit(settings.in_flight_per_role)
            .timeout(ms(settings.deadlines.connect_ms))
            .conn_keep_alive(IDLE)
            // Not longer: certificates are looked at when a connection begins.
            .conn_lifetime(Duration::from_mins(10));
        let connector = match line {
            Some(line) => connector.rustls_0_23(line),
            None => connector,
        };
        let client = awc::Client::builder()
            .connector(connector)
            .disable_timeout()
            .disable_redirects();
        let client = client.no_default_headers().finish();
        Self {
            client,
            under_way: Rc::default(),
            most: settings.in_flight_per_role,
        }
    }

    fn slot(&self) -> Result<Slot, Failure> {
        if self.under_way.get() >= self.most {
            return Err(Failure::Full);
        }
        self.under_way.set(self.under_way.get() + 1);
        Ok(Slot(Rc::clone(&self.under_way)))
    }
}

impl Proxy {
    pub fn new(fleet: Arc<Fleet>, lines: &Lines, settings: &Settings) -> Self {
        Self {
            fleet,
            lanes: Role::ALL.map(|role| (role, Lane::new(settings, lines.of(role)))).into(),
        }
    }

    /// Asks an instance of `role`; another one where that cannot do a thing twice.
    ///
    /// A connection that never came about carried nothing, so any request goes to the next instance. One that was lost
    /// may have carried it all: then only what is safe to repeat (RFC 9110, 9.2.1) is, once.
    pub async fn ask(&self, role: Role, ask: &Ask) -> Result<Reply, Failure> {
        let lane = self
            .lanes
            .iter()
            .find_map(|(of, lane)| (*of == role).then_some(lane))
            .ok_or(Failure::Full)?;
        let slot = lane.slot()?;
        let group = self.fleet.group(role);
        let (mut tried, mut repeated, mut last) = (Vec::new(), false, None);
        loop {
            let (instance, pass) = match group.pick(&tried, Instant::now()) {
                Ok(picked) => picked,
                Err(wait) => return Err(last.unwrap_or(Failure::Away(wait))),
            };
            match send(&lane.client, instance, ask).await {
                Ok(response) => {
                    pass.succeeded();
                    return Ok(Reply { response, slot });
                }
                // Neither good nor bad news of the instance.
                Err(Failure::Body(trouble)) => return Err(trouble.into()),
                Err(failure) => {
                    pass.failed(Instant::now());
                    match &failure {
                        Failure::Unreached(_) if ask.body.is_whole() => tried.push(&instance.authority),
                        Failure::Lost(_) if !repeated && ask.method.is_safe() && ask.body.is_none() => repeated = true,
                        _ => return Err(failure),
                    }
                    last = Some(failure);
                }
            }
        }
    }

    /// Asks one instance, whatever its breaker says.
    pub async fn ask_at(&self, role: Role, instance: &Instance, ask: &Ask) -> Result<ClientResponse, Failure> {
        let lane = self
            .lanes
            .iter()
            .find_map(|(of, lane)| (*of == role).then_some(lane))
            .ok_or(Failure::Full)?;
        send(&lane.client, instance, ask).await
    }

    pub fn fleet(&self) -> &Fleet {
        &self.fleet
    }
}

async fn send(client: &awc::Client, instance: &Instance, ask: &Ask) -> Result<ClientResponse, Failure> {
    let uri = Uri::builder()
        .scheme(instance.scheme.clone())
        .authority(instance.authority.clone())
        .path_and_query(ask.path.clone())
        .build()
        .map_err(|error| Failure::Unreached(error.to_string()))?;
    let mut request = client.request(ask.method.clone(), uri).no_decompress();
    *request.headers_mut() = ask.headers.clone();
    let sent = request.send_body(ask.body.clone());
    match tokio::time::timeout(ask.deadline, sent).await {
        Err(_) => Err(Failure::Late),
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(match (ask.body.trouble(), error) {
            (Some(trouble), _) => Failure::Body(trouble),
            (None, SendRequestError::Connect(ConnectError::Disconnected)) => Failure::Lost("closed".to_owned()),
            (None, SendRequestError::Connect(error)) => Failure::Unreached(error.to_string()),
            (None, error) => Failure::Lost(error.to_string()),
        }),
    }
}
