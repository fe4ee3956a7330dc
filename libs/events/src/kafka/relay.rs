//! Tells Kafka what was committed.
//!
//! Any number of processes may run it. Each reads behind the relay's cursor, sends, waits until all brokers that must have it
//! have it, and then moves the cursor if nobody else did meanwhile: no lock is held while the network is asked. Two that send
//! the same stretch cost a duplicate, never the order, because nobody goes on to what follows before a stretch is there
//! whole. Whoever finds that another moves the cursor stands by.

use std::time::Duration;

use db::{Db, Listener, Reason};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};
use tokio_util::sync::CancellationToken;

use super::Kafka;
use super::record::{News, key};
use crate::consumer::{HELD, ROUND};
use crate::store::{self, RELAY};
use crate::{Envelope, Position, backoff};

/// Events per round trip.
const BATCH: usize = 500;
/// How long whoever stands by leaves the other alone.
const STAND_BY: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Database(#[from] db::Error),
    #[error(transparent)]
    Kafka(#[from] KafkaError),
    #[error("a record was given up before it was sent")]
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
    let (producer, topic) = (Flushed(kafka.producer()?), kafka.topic());
    let mut mine = None;
    loop {
        let mut tx = db.system(Reason::Relay).await?;
        let from = store::cursor(&mut tx, RELAY).await?;
        if mine.is_some_and(|mine| mine != from) {
            drop(tx);
            mine = None;
            tokio::time::sleep(STAND_BY).await;
            continue;
        }
        mine = Some(from);
        let batch = store::next(&mut tx, from, BATCH).await?;
        drop(tx);
        *failures = 0;
        let Some(last) = batch.events.last().map(|event| event.position) else {
            bell.wait(if batch.held { HELD } else { ROUND }).await;
            continue;
        };
        send(&producer.0, &topic, &batch.events).await?;
        if advance(db, from, last).await? {
            mine = Some(last);
        }
    }
}

/// Sends in order and waits for all of it.
async fn send(producer: &FutureProducer, topic: &str, events: &[Envelope]) -> Result<(), Error> {
    let mut sent = Vec::with_capacity(events.len());
    for event in events {
        let (key, headers) = (key(event), News::of(event).headers(None));
        let record = FutureRecord::<String, [u8]>::to(topic).key(&key).headers(headers);
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for done in sent {
        done.await.map_err(|_| Error::GivenUp)?.map_err(|(error, _)| error)?;
    }
    Ok(())
}

async fn advance(db: &Db, from: Position, to: Position) -> Result<bool, Error> {
    let mut tx = db.system(Reason::Relay).await?;
    let still = store::take_cursor(&mut tx, RELAY, from).await?;
    if still {
        store::move_cursor(&mut tx, RELAY, to).await?;
        tx.commit().await?;
    }
    Ok(still)
}

/// What is under way when it goes is sent again by whoever comes next; it need not be waited for.
struct Flushed(FutureProducer);

impl Drop for Flushed {
    fn drop(&mut self) {
        self.0
            .purge(rdkafka::producer::PurgeConfig::default().queue().inflight());
    }
}
