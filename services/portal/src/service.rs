use std::net::SocketAddr;
use std::sync::Arc;

use auth::passport::Key;
use clock::Clock;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tls};

use crate::assets::Assets;
use crate::routes;
use crate::settings::Settings;
use crate::state::Portal;

/// What the service needs from whoever starts it.
pub struct Deps {
    /// What passports are checked with.
    pub key: Key,
    /// The time they are checked at.
    pub clock: Clock,
}

/// The service, built and not yet running.
pub struct Service {
    state: Arc<Portal>,
    running: Running,
}

impl Service {
    /// Reads the built portal and takes the port.
    pub fn build(settings: &Settings, deps: Deps) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        settings.validate()?;
        let assets = Assets::read(&settings.assets)?;
        tracing::info!(files = assets.len(), from = %settings.assets.display(), "portal read");
        let Deps { key, clock } = deps;
        let server = Server {
            listen: settings.listen,
            key,
            clock,
            db: None,
            workers: settings.workers,
        };
        Ok(Self {
            state: Arc::new(Portal { assets }),
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

    /// Answers requests until `shutdown`; those in flight end first.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        self.running.serve(routes::mount, self.state, shutdown).await
    }
}
