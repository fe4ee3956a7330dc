use std::net::SocketAddr;
use std::sync::Arc;

use auth::passport::Key;
use db::Db;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks, Tls};

use crate::blobs::Blobs;
use crate::state::Compute;
use crate::{Settings, routes, work};

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_compute`.
    pub db: Db,
    /// What passports are checked with.
    pub key: Key,
}

/// The service, built and not yet running.
pub struct Service {
    deps: Deps,
    settings: Settings,
    blobs: Blobs,
    running: Running,
}

impl Service {
    /// Checks the settings, makes the image folder and takes the port.
    pub fn build(settings: &Settings, deps: Deps) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        settings.validate()?;
        let blobs = Blobs::open(settings)?;
        let server = Server {
            listen: settings.listen,
            key: deps.key.clone(),
            clock: deps.db.clock().clone(),
            db: Some(deps.db.clone()),
            workers: settings.workers,
        };
        Ok(Self {
            deps,
            settings: settings.clone(),
            blobs,
            running: server.bind()?,
        })
    }

    /// Speaks TLS with whoever asks, if there are settings for it.
    #[must_use]
    pub fn secured(mut self, tls: Option<Arc<Tls>>) -> Self {
        self.running = self.running.secured(tls);
        self
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Answers requests and works until `shutdown`; requests in flight end first, then the workers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        let Deps { db, .. } = self.deps;
        let compute = Arc::new(Compute {
            db,
            blobs: self.blobs,
            settings: self.settings,
            shutdown: shutdown.clone(),
        });
        let (tasks, blobs) = (Tasks::new(shutdown.clone()), compute.blobs.clone());
        work::start(&tasks, &compute);
        let served = self.running.serve(routes::mount, compute, shutdown).await;
        blobs.close().await;
        tasks.drain().await;
        served
    }
}
