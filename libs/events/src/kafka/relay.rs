//! Tells Kafka what was committed.
//!
//! Any number of processes may run it. Each reads behind the relay's cursor, sends, waits until all brokers that must have it
//! have it, and then moves the cursor if nobody else did meanwhile: no lock is held while the network is asked. Two that send
//! the same stretch cost a duplicate, never the order, because nobody goes on to what follows before a stretch is there
//! whole. Whoever finds that another moves the cursor stands by.
//!
//! Order within a stretch is the idempotent producer's: up to five requests are under way on one connection, and the broker
//! takes each only behind the one before it. What would leave a gap nevertheless is not skipped: a record that the broker
//! refuses stops the producer (`enable.gapless.guarantee`), and none is given up by itself for its age; when the relay gives
//! up, it gives up all that is not yet sent, and begins again with a producer of its own.

use std::time::Duration;

use db::{Db, Listener, Reason};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};
use tokio_util::sync::CancellationToken;

use super::Kafka;
use super::record::{News, key};
use crate::consumer::{HELD, Next, ROUND, rest};
use crate::ledger::{Ledger, Page};
use crate::store::RELAY;
use crate::{Envelope, Position, backoff};

/// Events per round trip.
const BATCH: usize = 2_000;
/// How long a stretch may take to be there.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long whoever stands by leaves the other alone.
const STAND_BY: Duration = Duration::from_secs(2);

/// Why a stretch was not told, as far as the relay knows.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database said so.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// Kafka said so.
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    /// It was not sent, or nobody knows whether it was.
    #[error("a record was given up before it was there")]
    GivenUp,
}

/// Relays until `shutdown`.
pub async fn run(kafka: &Kafka, db: &Db, shutdown: &CancellationToken) {
    let mut bell = db.wake().listen();
    let mut failures = 0;
    while !shutdown.is_cancelled() {
        let session = async {
            let error = match session(kafka, db, &mut bell, &mut failures).await {
                Ok(never) => match never {},
                Err(error) => error,
            };
            failures += 1;
            tracing::warn!(failures, ?error, "Kafka is not told what happens");
            tokio::time::sleep(backoff::pause(failures)).await;
        };
        tokio::select! { () = shutdown.cancelled() => {}, () = session => {} }
    }
}

async fn session(
    kafka: &Kafka,
    db: &Db,
    bell: &mut Listener,
    failures: &mut u32,
) -> Result<std::convert::Infallible, Error> {
    kafka.make_topics(&[kafka.topic()]).await?;
    let told = Producer {
        flushed: Flushed(kafka.ordered_producer()?),
        topic: kafka.topic(),
    };
    let mut mine = None;
    loop {
        rest(step(db, &told, &mut mine, failures).await?, bell).await;
    }
}

/// Whom the relay tells.
pub trait Told: Send + Sync {
    /// Tells of these events in order, and returns when all of it is kept. After an error any of it may be.
    fn tell(&self, events: &[Envelope]) -> impl Future<Output = Result<(), Error>> + Send;
}

/// Tells one stretch and moves on behind it. `mine` is where this relay left the cursor.
pub async fn step<L: Ledger>(
    db: &L,
    told: &impl Told,
    mine: &mut Option<Position>,
    failures: &mut u32,
) -> Result<Next, Error> {
    let mut tx = db.begin(Reason::Relay).await?;
    let from = tx.cursor(RELAY).await?;
    if mine.is_some_and(|mine| mine != from) {
        *mine = None;
        return Ok(Next::After(STAND_BY));
    }
    *mine = Some(from);
    let batch = tx.next(from, BATCH).await?;
    drop(tx);
    let Some(last) = batch.events.last().map(|event| event.position) else {
        *failures = 0;
        return Ok(Next::Within(if batch.held { HELD } else { ROUND }));
    };
    told.tell(&batch.events).await?;
    if advance(db, from, last).await? {
        *mine = Some(last);
    }
    // That it could be read says nothing of the broker.
    *failures = 0;
    Ok(Next::AtOnce)
}

async fn advance<L: Ledger>(db: &L, from: Position, to: Position) -> Result<bool, Error> {
    let mut tx = db.begin(Reason::Relay).await?;
    let still = tx.take_cursor(RELAY, from).await?;
    if still {
        tx.move_cursor(RELAY, to).await?;
        tx.commit().await?;
    }
    Ok(still)
}

struct Producer {
    flushed: Flushed,
    topic: String,
}

impl Told for Producer {
    async fn tell(&self, events: &[Envelope]) -> Result<(), Error> {
        let mut sent = Vec::with_capacity(events.len());
        for event in events {
            let (key, headers) = (key(event), News::of(event).headers(None));
            let record = FutureRecord::<String, [u8]>::to(&self.topic).key(&key).headers(headers);
            sent.push(self.flushed.0.send_result(record).map_err(|(error, _)| error)?);
        }
        let there = async {
            for done in sent {
                done.await.map_err(|_| Error::GivenUp)?.map_err(|(error, _)| error)?;
            }
            Ok(())
        };
        let ended = tokio::time::timeout(PATIENCE, there).await;
        ended.unwrap_or(Err(Error::GivenUp))
    }
}

/// What is under way when it goes is sent again by whoever comes next; it need not be waited for.
struct Flushed(FutureProducer);

impl Drop for Flushed {
    fn drop(&mut self) {
        self.0
            .purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    }
}
