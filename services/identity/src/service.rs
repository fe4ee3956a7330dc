use std::net::SocketAddr;
use std::sync::Arc;

use auth::passport::Key;
use db::Db;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks};

use crate::routes;
use crate::settings::Settings;

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_identity`.
    pub db: Db,
    /// What passports are checked with.
    pub key: Key,
}

/// What every handler shares.
pub struct Identity {
    /// The database.
    pub db: Db,
}

/// The service, built and not yet running.
pub struct Service {
    state: Arc<Identity>,
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
        Ok(Self { state: Arc::new(Identity { db: deps.db }), running: server.bind()? })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Answers requests and works until `shutdown`; requests in flight end first, then the workers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        let tasks = Tasks::new(shutdown.clone());
        let served = self.running.serve(routes::mount, self.state, shutdown).await;
        tasks.drain().await;
        served
    }
}
