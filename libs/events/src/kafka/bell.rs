//! Rings for whoever passes the feed on and reads it from the database: streams, which are resumed there as well.
//!
//! Each process hears of every record and forgets it: nothing of it is used but that it came, so it may come twice, late, or
//! not at all. It belongs to no group and keeps no offset.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use db::Wake;
use rdkafka::consumer::{Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::Kafka;
use crate::backoff;

/// How long the broker may take to say which partitions there are.
const PATIENCE: Duration = Duration::from_secs(10);

/// Rings for each record until `shutdown`.
pub async fn run(kafka: &Kafka, wake: &Wake, shutdown: &CancellationToken) {
    let mut failures = 0;
    while !shutdown.is_cancelled() {
        let session = async {
            let Err(error) = session(kafka, wake, &mut failures).await;
            failures += 1;
            tracing::warn!(failures, ?error, "Kafka rings for nobody");
            tokio::time::sleep(backoff::pause(failures)).await;
        };
        tokio::select! { () = shutdown.cancelled() => {}, () = session => {} }
    }
}

async fn session(kafka: &Kafka, wake: &Wake, failures: &mut u32) -> Result<Infallible, KafkaError> {
    kafka.make_topics(&[kafka.topic()]).await?;
    let client: StreamConsumer = kafka
        .config()
        // The client asks for a name; nobody joins it.
        .set("group.id", format!("{}.bell", kafka.prefix))
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .set("queued.max.messages.kbytes", "1024")
        .create()?;
    let client = Arc::new(client);
    let (asked, topic) = (client.clone(), kafka.topic());
    let all = tokio::task::spawn_blocking(move || ends(&asked, &topic)).await;
    client.assign(&all.map_err(|_| KafkaError::Canceled)??)?;
    wake.ring_from_afar();
    loop {
        match client.recv().await {
            Ok(_) => {
                *failures = 0;
                wake.ring_from_afar();
            }
            Err(error) if super::is_fatal(&error) => return Err(error),
            // The client mends it by itself.
            Err(error) => tracing::debug!(?error, "Kafka is away"),
        }
    }
}

/// The end of each partition of a topic.
fn ends(client: &StreamConsumer, topic: &str) -> Result<TopicPartitionList, KafkaError> {
    let known = client.fetch_metadata(Some(topic), PATIENCE)?;
    let mut all = TopicPartitionList::new();
    for partition in known
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
    {
        all.add_partition_offset(topic, partition.id(), Offset::End)?;
    }
    if all.count() == 0 {
        return Err(KafkaError::MetadataFetch(RDKafkaErrorCode::UnknownTopicOrPartition));
    }
    Ok(all)
}
