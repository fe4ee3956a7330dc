//! The product: an event of its own, a consumer of it, and each part as a process of its own would run it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use db::{Db, SystemTx};
use events::{Consumer, Envelope, Failed, Feed, Kafka};
use ids::EventId;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::place::Place;
use crate::store;

/// Has the effect of each event, and counts them.
#[derive(Clone, Default)]
pub struct Writer(pub Arc<AtomicU64>);

impl Consumer for Writer {
    const NAME: &'static str = "bench";

    fn wants(&self, kind: &str) -> bool {
        kind == store::KIND
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let applied = self.apply_all(tx, &[event]).await;
        applied.map_err(|failed| failed.error)
    }

    async fn apply_all(&self, tx: &mut SystemTx, events: &[&Envelope]) -> Result<(), Failed> {
        store::apply(tx, events).await?;
        self.0.fetch_add(events.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// A topic of a turn's own.
pub fn kafka(place: &Place) -> Kafka {
    Kafka {
        prefix: format!("bench-{}", EventId::mint()),
        session: Duration::from_secs(6),
        ..Kafka::new(place.brokers.clone())
    }
}

pub fn feed(kafka: Option<&Kafka>) -> Feed {
    kafka.map_or(Feed::postgres(), |kafka| Feed::kafka(kafka.clone()))
}

/// What runs until it is dropped.
#[derive(Default)]
pub struct Running(JoinSet<()>);

impl Running {
    pub fn consumer(&mut self, feed: Feed, db: Db, writer: &Writer) {
        let run = events::run(feed, db.clone(), writer.clone(), CancellationToken::new());
        self.0.spawn(Box::pin(run));
        self.rings(db);
    }

    pub fn relay(&mut self, feed: Feed, db: Db) {
        self.0.spawn(events::relay(feed, db.clone(), CancellationToken::new()));
        self.rings(db);
    }

    /// As every process does, so that commits of others are heard of.
    pub fn rings(&mut self, db: Db) {
        self.0.spawn(async move { db.ring_across().await });
    }

    pub fn peer(&mut self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(work);
    }

    pub async fn stop(mut self) {
        self.0.shutdown().await;
    }
}
