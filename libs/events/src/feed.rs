use std::sync::Arc;
use std::time::Duration;

use db::{Db, Reason};
use tokio_util::sync::CancellationToken;

use crate::kafka::{self, Kafka};
use crate::{Consumer, consumer, letters, park, store};

/// Between two looks at a database that is away.
const PATIENCE: Duration = Duration::from_secs(5);

/// Where consumers hear of events. Which it is, only whoever builds it knows.
#[derive(Debug, Clone, Default)]
pub struct Feed(Option<Arc<Kafka>>);

impl Feed {
    /// From the database: for one process, or a few.
    pub const fn postgres() -> Self {
        Self(None)
    }

    /// From Kafka, which a [`relay`] tells.
    pub fn kafka(kafka: Kafka) -> Self {
        Self(Some(Arc::new(kafka)))
    }
}

/// Feeds the consumer until `shutdown`, and gives it the dead letters that somebody wants to be applied again. Any number of
/// processes may run the same consumer.
pub async fn run<C: Consumer>(feed: Feed, db: Db, consumer: C, shutdown: CancellationToken) {
    let consumer = Arc::new(consumer);
    let replay = letters::replay(&db, &*consumer, &shutdown);
    let drain = park::drain(&db, &*consumer, &shutdown);
    match feed.0 {
        None => {
            let read = consumer::read(&db, &*consumer, None, &shutdown);
            tokio::join!(read, replay, drain);
        }
        Some(kafka) => {
            let told = kafka::run(&kafka, &db, &consumer, &shutdown);
            let untold = consumer::read(&db, &*consumer, Some(kafka.grace), &shutdown);
            tokio::join!(told, untold, replay, drain);
        }
    }
}

/// Tells the feed what was committed, until `shutdown`, where it does not read that itself. Any number of processes may run
/// it.
pub async fn relay(feed: Feed, db: Db, shutdown: CancellationToken) {
    if let Some(kafka) = feed.0 {
        return kafka::relay(&kafka, &db, &shutdown).await;
    }
    // What an earlier relay had reached would hold back the removal of old events for ever.
    while let Err(error) = retire(&db).await {
        tracing::warn!(?error, "an earlier relay's place is kept");
        let pause = tokio::time::sleep(PATIENCE);
        tokio::select! { () = shutdown.cancelled() => return, () = pause => {} }
    }
    // A worker that ends by itself is taken for broken.
    shutdown.cancelled().await;
}

/// Wakes this process's readers of the outbox for what the feed tells, until `shutdown`, where it tells of anything: a
/// [`crate::Tail`] then hears at once of what other processes commit, and without it at its next look.
pub async fn ring(feed: Feed, db: Db, shutdown: CancellationToken) {
    match feed.0 {
        Some(kafka) => kafka::bell::run(&kafka, db.wake(), &shutdown).await,
        None => shutdown.cancelled().await,
    }
}

async fn retire(db: &Db) -> db::Result<()> {
    let mut tx = db.system(Reason::Housekeeping).await?;
    store::forget_cursor(&mut tx, store::RELAY).await?;
    tx.commit().await
}
