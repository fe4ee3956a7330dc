use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::middleware::from_fn;
use actix_web::web::{self as actix, PathConfig};
use actix_web::{App, HttpResponse, HttpServer};
use auth::passport::Key;
use clock::Clock;
use db::Db;
use rustls::ServerConfig as Tls;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use utoipa_actix_web::AppExt;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::gate::{self, Gate};
use crate::method::Paths;

/// How long requests in flight may take to end after a shutdown was asked for.
const DRAIN: Duration = Duration::from_secs(30);

/// A service's HTTP side before it listens.
pub struct Server {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What passports are checked with.
    pub key: Key,
    /// The time passports are checked at.
    pub clock: Clock,
    /// Where refusals are recorded and what readiness asks. None for a service without a database.
    pub db: Option<Db>,
    /// Worker threads.
    pub workers: usize,
}

/// A service that listens and does not answer yet.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    listener: TcpListener,
    gate: Arc<Gate>,
    workers: usize,
    tls: Option<Arc<Tls>>,
}

impl Server {
    /// Takes the port.
    pub fn bind(self) -> Result<Running, std::io::Error> {
        let listener = TcpListener::bind(self.listen)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let gate = Arc::new(Gate {
            key: self.key,
            clock: self.clock,
            db: self.db,
        });
        Ok(Running {
            address,
            listener,
            gate,
            workers: self.workers,
            tls: None,
        })
    }
}

impl Running {
    /// Speaks TLS, if there are settings for it. Without, only a listener on loopback serves.
    #[must_use]
    pub fn secured(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.tls = tls;
        self
    }

    /// Answers requests until `shutdown`, then lets those in flight end. `routes` is the service's `routes::mount`;
    /// `state` is its one struct.
    pub async fn serve<S: Send + Sync + 'static>(
        self,
        routes: fn(&mut ServiceConfig<'_>),
        state: Arc<S>,
        shutdown: CancellationToken,
    ) -> Result<(), std::io::Error> {
        if self.tls.is_none() && !self.address.ip().to_canonical().is_loopback() {
            let mend = format!("{}: plain HTTP is served on loopback only; set [mesh]", self.address);
            return Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, mend));
        }
        let paths = Arc::new(Paths::of(&openapi(routes)));
        let gate = self.gate;
        let server = HttpServer::new(move || {
            let (gate, around) = (gate.clone(), gate.clone());
            let paths = paths.clone();
            App::new()
                .into_utoipa_app()
                .app_data(actix::Data::from(state.clone()))
                .app_data(PathConfig::default().error_handler(|_, _| fault::Error::not_found("page").into()))
                .map(|app| app.wrap(from_fn(move |request, next| gate::pass(around.clone(), request, next))))
                .configure(routes)
                .into_app()
                .route(
                    "/healthz",
                    actix::get().to(|| async { HttpResponse::Ok().body("ok\n") }),
                )
                .route("/readyz", actix::get().to(move || ready(gate.clone())))
                .default_service(actix::to(move |request: actix_web::HttpRequest| {
                    let paths = paths.clone();
                    async move { paths.refuse(&request) }
                }))
        })
        .workers(self.workers)
        .disable_signals()
        .shutdown_timeout(DRAIN.as_secs());
        let server = match self.tls {
            Some(tls) => server.listen_rustls_0_23(self.listener, (*tls).clone())?,
            None => server.listen(self.listener)?,
        };
        let server = server.run();
        let handle = server.handle();
        let mut server = std::pin::pin!(server);
        tokio::select! {
            ended = &mut server => ended,
            () = shutdown.cancelled() => {
                let ((), ended) = tokio::join!(handle.stop(true), server);
                ended
            }
        }
    }
}

async fn ready(gate: Arc<Gate>) -> Result<HttpResponse, fault::Error> {
    if let Some(db) = &gate.db {
        db.ping().await?;
    }
    Ok(HttpResponse::Ok().body("ready\n"))
}

/// The `OpenAPI` document of these routes, made without a server.
pub fn openapi(routes: fn(&mut ServiceConfig<'_>)) -> OpenApi {
    let (_, api) = App::new().into_utoipa_app().configure(routes).split_for_parts();
    api
}
