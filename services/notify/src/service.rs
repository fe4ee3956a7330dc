use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use auth::passport::Key;
use db::Db;
use events::Feed;
use futures::FutureExt;
use tokio_util::sync::CancellationToken;
use web::{Running, Server, Tasks, Tls};

use crate::hub::Hub;
use crate::outbound::Outbound;
use crate::settings::Settings;
use crate::state::Notify;
use crate::work::{enqueue::Enqueuer, send, sweep};
use crate::{hub, routes};

/// What the service needs from whoever starts it.
pub struct Deps {
    /// The database as the role `yunshu_notify`.
    pub db: Db,
    /// Where it hears of what happens.
    pub feed: Feed,
    /// What passports are checked with.
    pub key: Key,
}

/// The service, built and not yet running.
pub struct Service {
    notify: Notify,
    feed: Feed,
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
            outbound: Outbound::new(&settings.webhooks)?,
            due: tokio::sync::Notify::new(),
            shutdown: CancellationToken::new(),
        };
        Ok(Self {
            notify,
            feed: deps.feed,
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

    /// Answers requests, reads the feed and sends deliveries until `shutdown`; open streams end first, then the workers.
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), std::io::Error> {
        let tasks = Tasks::new(shutdown.clone());
        let notify = Arc::new(Notify {
            shutdown: shutdown.clone(),
            ..self.notify
        });
        tasks.spawn(
            "feed",
            hub::feed(notify.hub.clone(), notify.db.clone(), shutdown.clone()),
        );
        // Streams read the outbox, and wake when the bus tells of something.
        tasks.spawn(
            "bell",
            events::ring(self.feed.clone(), notify.db.clone(), shutdown.clone()),
        );
        let heard = events::run(self.feed, notify.db.clone(), Enqueuer, shutdown.clone());
        tasks.spawn("webhooks", heard);
        tasks.spawn("deliveries", send::run(notify.clone(), shutdown.clone()));
        tasks.rounds("old deliveries", sweep::PERIOD, &notify, |notify| {
            sweep::round(notify).boxed()
        });
        tasks.forget_replies(&notify.db);
        let served = self.running.serve(routes::mount, notify, shutdown).await;
        tasks.drain().await;
        served
    }

    #[cfg(test)]
    pub(crate) fn hub(&self) -> Arc<Hub> {
        self.notify.hub.clone()
    }
}
