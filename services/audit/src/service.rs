use std::net::SocketAddr;
use std::sync::Arc;

use auth::passport::Key;
use chrono::TimeDelta;
use db::Db;
use events::Feed;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks, Tls};

use crate::log::Log;
use crate::readings::Readings;
use crate::settings::Settings;
use crate::state::Audit;
use crate::witness::Witness;
use crate::work::copy::Copies;
use crate::{routes, work};

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_audit`.
    pub db: Db,
    /// Where it hears of what happens.
    pub feed: Feed,
    /// What passports are checked with.
    pub key: Key,
    /// What checkpoints are signed with.
    pub log: Log,
}

/// The service, built and not yet running.
pub struct Service {
    audit: Arc<Audit>,
    copies: Option<Copies>,
    witnesses: Vec<Witness>,
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
        let audit = Audit {
            db: deps.db,
            feed: deps.feed,
            log: deps.log,
            pace: settings.log.pace,
            tell: TimeDelta::seconds(settings.log.tell_s.into()),
            readings: Readings::default(),
        };
        let witnesses = settings.log.witnesses.iter().map(Witness::open);
        Ok(Self {
            audit: Arc::new(audit),
            witnesses: witnesses.collect::<Result<_, _>>()?,
            copies: settings.log.checkpoints.as_deref().map(Copies::open).transpose()?,
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

    /// Answers requests and writes the log until `shutdown`; requests in flight end first, then the writer.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        let tasks = Tasks::new(shutdown.clone());
        work::start(&tasks, &self.audit, self.copies, self.witnesses);
        let served = self.running.serve(routes::mount, self.audit, shutdown).await;
        tasks.drain().await;
        served
    }
}
