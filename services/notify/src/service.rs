use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::passport::Key;
use db::Db;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks, Tls};

use crate::hub::Hub;
use crate::settings::Settings;
use crate::state::Notify;
use crate::{hub, routes};

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_notify`.
    pub db: Db,
    /// What passports are checked with.
    pub key: Key,
}

/// The service, built and not yet running.
pub struct Service {
    notify: Notify,
    running: Running,
}

impl Service {
    /// Checks the settings and takes the port.
    pub fn build(settings: &Settings, deps: Deps) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        settings.validate()?;
        let server = Server {
            listen: settings.listen,
            key: deps.key,
            clock: deps.db.clock().clone(),
            db: Some(deps.db.clone()),
            workers: settings.workers,
        };
        let notify = Notify {
            db: deps.db,
            hub: Arc::new(Hub::new(settings.streams_per_tenant)),
            lifetime: Duration::from_secs(settings.lifetime_s),
            heartbeat: Duration::from_secs(settings.heartbeat_s),
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            notify,
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

    /// Answers requests and reads the feed until `shutdown`; open streams end first, then the reader.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        let tasks = Tasks::new(shutdown.clone());
        let notify = Notify {
            shutdown: shutdown.clone(),
            ..self.notify
        };
        tasks.spawn(
            "feed",
            hub::feed(notify.hub.clone(), notify.db.clone(), shutdown.clone()),
        );
        let served = self.running.serve(routes::mount, Arc::new(notify), shutdown).await;
        tasks.drain().await;
        served
    }

    #[cfg(test)]
    pub(crate) fn hub(&self) -> Arc<Hub> {
        self.notify.hub.clone()
    }
}
