//! What ours is measured beside: a producer with nothing around it, and the queue that people build from a table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use ids::EventId;
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord, Producer as _};

use crate::place::Place;
use crate::store::{self, Store};

/// Jobs per commit: as many as ours takes.
const BATCH: i64 = 500;
/// How long a worker waits for a notification.
const ROUND: Duration = Duration::from_millis(250);

/// rdkafka's own producer, with the same promises, fed from memory with the same records: no database, no order of its own
/// to keep between stretches, nothing to remember.
pub async fn produce(place: &Place, topic: &str, records: &[(String, EventId, String)]) -> anyhow::Result<()> {
    let producer: FutureProducer = ClientConfig::new()
        .set("bootstrap.servers", &place.brokers)
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", "2")
        .create()?;
    let mut sent = Vec::with_capacity(records.len());
    for (key, event, tenant) in records {
        let event = event.to_string();
        let headers = [
            ("tenant", tenant.as_str()),
            ("event", &event),
            ("kind", store::KIND),
            ("version", "1"),
        ];
        let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
            all.insert(Header {
                key,
                value: Some(*value),
            })
        });
        let record = FutureRecord::<String, [u8]>::to(topic).key(key).headers(headers);
        sent.push(producer.send_result(record).map_err(|(error, _)| error)?);
    }
    for done in sent {
        done.await?.map_err(|(error, _)| anyhow!(error))?;
    }
    producer.flush(Duration::from_secs(10))?;
    Ok(())
}

/// A worker of a plain queue: `for update skip locked`, woken by NOTIFY. No history, no order between workers, one reader.
pub async fn worker(store: &Store, done: Arc<AtomicU64>) -> anyhow::Result<impl Future<Output = ()> + Send + use<>> {
    let (mut sql, mut bell) = (store.another().await?, store.listener().await?);
    Ok(async move {
        loop {
            match store::work(&mut sql, BATCH).await {
                Ok(0) => drop(tokio::time::timeout(ROUND, bell.recv()).await),
                Ok(count) => drop(done.fetch_add(count as u64, Ordering::Relaxed)),
                Err(error) => {
                    eprintln!("  the queue's worker: {error}");
                    return;
                }
            }
        }
    })
}
