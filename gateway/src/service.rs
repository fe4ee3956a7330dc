use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;

use actix_http::error::DispatchError;
use actix_http::header::HeaderValue;
use actix_http::{HttpService, Request};
use actix_server::{GracefulShutdownSignal, Server};
use actix_service::{ServiceFactory, ServiceFactoryExt, fn_service};
use auth::passport::Key;
use cache::Cache;
use clock::Clock;
use mesh::Mesh;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::conn::{Guarded, Limits as Times};
use crate::cors::Cors;
use crate::credential::Credentials;
use crate::door::{Door, Places};
use crate::gate::{self, Shared, Worker};
use crate::limit::{Arrivals, Limits};
use crate::pages::OpenApi;
use crate::pki::Authority;
use crate::proxy::{Lines, Proxy};
use crate::settings::{Settings, ms};
use crate::upstream::{Fleet, NotABase, Upstreams};
use crate::{pki, settings, tls};

/// What the gateway is given.
pub struct Deps {
    /// Where the services are.
    pub upstreams: Upstreams,
    /// The key that services know its word by.
    pub passport_key: Key,
    /// Who makes access tokens: the `iss` they must carry.
    pub issuer: String,
    /// The merged OpenAPI document.
    pub openapi: serde_json::Value,
    pub clock: Clock,
    /// What services in other processes know the gateway by, and it them. Without it they are on loopback.
    pub mesh: Option<Mesh>,
    /// Where requests are counted, for all gateways that share it.
    pub cache: Cache,
}

/// Why the gateway cannot start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Settings(#[from] settings::Invalid),
    #[error(transparent)]
    Upstream(#[from] NotABase),
    #[error(transparent)]
    Pki(#[from] pki::Error),
    #[error(transparent)]
    Mesh(#[from] mesh::Error),
    /// Somebody else has the port, or this user may not have it.
    #[error("{address}: {source}; stop what listens there, or set gateway.{setting}")]
    Bind {
        address: SocketAddr,
        setting: &'static str,
        source: io::Error,
    },
    #[error("the gateway stopped: {0}")]
    Server(#[from] io::Error),
}

/// The gateway, bound and not yet serving.
pub struct Gateway {
    shared: Arc<Shared>,
    fleet: Arc<Fleet>,
    lines: Lines,
    tls: Entrance,
    plain: Option<Entrance>,
}

struct Entrance {
    address: SocketAddr,
    listener: TcpListener,
    door: Door,
}

impl Gateway {
    /// Checks the settings, opens or makes the CA and binds the ports, so that what is wrong is known at once.
    pub fn build(mut settings: Settings, deps: Deps) -> Result<Self, Error> {
        settings.validate()?;
        within_open_files(&mut settings);
        let fleet = Arc::new(Fleet::new(&deps.upstreams, deps.mesh.is_some())?);
        let authority = Authority::open(&settings.pki, &settings.names, deps.clock.now())?;
        tracing::info!("{}", authority.trust_instructions());
        let tls = TlsAcceptor::from(tls::config(authority, deps.clock.clone())?);

        let times = &settings.deadlines;
        let places = Places::new(settings.connections_per_address);
        let door = Door {
            tls: Some(tls),
            handshake: ms(times.handshake_ms),
            // A little later than the HTTP layer, which times the first head too and says 408.
            limits: Times {
                head: ms(times.head_ms + 500),
                idle: ms(times.keep_alive_ms.max(times.head_ms) + 500),
                stalled: ms(times.stalled_ms),
            },
            places,
            arrivals: Arrivals::new(settings.rates.connections, &deps.cache),
        };
        let plain_door = Door {
            tls: None,
            ..door.clone()
        };
        let plain = settings
            .plain
            .map(|address| Entrance::bind(address, "plain", plain_door))
            .transpose()?;
        let tls = Entrance::bind(settings.tls, "tls", door)?;

        let hsts = format!("max-age={}; includeSubDomains", settings.hsts_s);
        let shared = Shared {
            credentials: Credentials::new(deps.passport_key, deps.issuer, deps.clock, &settings.trust),
            limits: Limits::new(&settings.rates, &deps.cache),
            cors: Cors::new(settings.origins.clone()),
            openapi: OpenApi::new(&deps.openapi),
            hsts: HeaderValue::from_str(&hsts).unwrap_or(HeaderValue::from_static("max-age=31536000")),
            shutdown: CancellationToken::new(),
            settings,
        };
        Ok(Self {
            shared: Arc::new(shared),
            fleet,
            lines: Lines::new(deps.mesh.as_ref())?,
            tls,
            plain,
        })
    }

    /// Where TLS is listened for; the port is known even if the settings say 0.
    pub const fn tls_address(&self) -> SocketAddr {
        self.tls.address
    }

    /// Where plain HTTP is listened for, if it is.
    pub fn plain_address(&self) -> Option<SocketAddr> {
        self.plain.as_ref().map(|entrance| entrance.address)
    }

    /// Serves until `shutdown`, then takes no more connections and lets requests under way finish, within the drain time.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), Error> {
        let Self {
            shared,
            fleet,
            lines,
            tls,
            plain,
        } = self;
        let settings = &shared.settings;
        let workers = match settings.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            workers => workers,
        };
        let mut server = Server::build()
            .workers(workers)
            .max_concurrent_connections(settings.connections.div_ceil(workers))
            .shutdown_timeout(settings.deadlines.drain_ms.div_ceil(1_000))
            .shutdown_signal(shutdown.clone().cancelled_owned());
        let stopping = server.graceful_shutdown_signal();
        for Entrance {
            address,
            listener,
            door,
        } in std::iter::once(tls).chain(plain)
        {
            let (shared, fleet, stopping) = (Arc::clone(&shared), Arc::clone(&fleet), stopping.clone());
            let lines = lines.clone();
            tracing::info!(%address, tls = door.tls.is_some(), "gateway listens");
            server = server.listen(format!("gateway-{address}"), listener, move || {
                let worker = Worker {
                    shared: Arc::clone(&shared),
                    proxy: Proxy::new(Arc::clone(&fleet), &lines, &shared.settings),
                };
                let worker = Rc::new(worker);
                keep_renewing(&worker);
                let (door, stopping) = (door.clone(), stopping.clone());
                fn_service(move |tcp| door.clone().admit(tcp)).and_then(http(worker, stopping))
            })?;
        }
        // Event streams and long polls end at once; they would hold up the drain.
        let token = shared.shutdown.clone();
        let server = server.run();
        let follow = async {
            shutdown.cancelled().await;
            token.cancel();
            std::future::pending::<()>().await;
        };
        tokio::select! {
            outcome = server => Ok(outcome?),
            () = follow => Ok(()),
        }
    }
}

/// Renews what is known of the credentials in use. It ends at shutdown, or with its worker.
fn keep_renewing(worker: &Rc<Worker>) {
    let trust = worker.shared.settings.trust;
    // Where little or nothing is believed, nothing is renewed.
    if trust.session_ms < 100 {
        return;
    }
    let worker = Rc::clone(worker);
    let renew = async move {
        let credentials = &worker.shared.credentials;
        tokio::select! {
            () = worker.shared.shutdown.cancelled() => {}
            () = credentials.keep_renewing(&worker.proxy, ms(trust.session_ms / 8)) => {}
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "it has the worker's own connections and ends with them"
    )]
    drop(actix_web::rt::spawn(renew));
}

/// HTTP/1.1 on one connection.
fn http(
    worker: Rc<Worker>,
    stopping: GracefulShutdownSignal,
) -> impl ServiceFactory<(Guarded, Option<SocketAddr>), Config = (), Response = (), Error = DispatchError, InitError = ()>
{
    let times = worker.shared.settings.deadlines;
    HttpService::build()
        .keep_alive(ms(times.keep_alive_ms))
        .client_request_timeout(ms(times.head_ms))
        .client_disconnect_timeout(ms(times.handshake_ms))
        // Who closes their half has gone: a stream of events must not be kept for them.
        .h1_allow_half_closed(false)
        .graceful_shutdown_signal(move || {
            let stopping = stopping.clone();
            async move { stopping.notified().await }
        })
        .on_connect_ext(|io: &Guarded, data| {
            data.insert(io.conn());
        })
        .h1(fn_service(move |request: Request| {
            gate::handle(Rc::clone(&worker), request)
        }))
}

/// Each connection may need a second one, to a service; who takes more than the system gives stops accepting at all.
fn within_open_files(settings: &mut Settings) {
    const OTHERS: usize = 256;
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let Some(files) = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok()) else {
        return;
    };
    let most = (files.saturating_sub(OTHERS) / 2).max(64);
    if settings.connections > most {
        if most < settings.connections / 2 {
            tracing::warn!(files, connections = most, "few open files; raise `ulimit -n`");
        }
        settings.connections = most;
    }
    // Nobody alone takes them all.
    settings.connections_per_address = settings.connections_per_address.min(settings.connections.div_ceil(2));
}

impl Entrance {
    fn bind(address: SocketAddr, setting: &'static str, door: Door) -> Result<Self, Error> {
        let blame = |source| Error::Bind {
            address,
            setting,
            source,
        };
        let listener = TcpListener::bind(address).map_err(blame)?;
        listener.set_nonblocking(true).map_err(blame)?;
        Ok(Self {
            address: listener.local_addr().map_err(blame)?,
            listener,
            door,
        })
    }
}
