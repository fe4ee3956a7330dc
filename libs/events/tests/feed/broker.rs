//! The real Kafka, from outside.

use std::time::Duration;

use events::{Envelope, Kafka};
use ids::EventId;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Header, Headers, OwnedHeaders};
use rdkafka::producer::{FutureProducer, FutureRecord};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};

use crate::world::Shape;

/// Topics of this test's own, quick retries, and nothing read from the database while the test runs.
pub fn settings(shape: Shape) -> Kafka {
    let brokers = match shape {
        Shape::Postgres => String::new(),
        Shape::Kafka => std::env::var("YUNSHU_TEST_KAFKA").expect(
            "YUNSHU_TEST_KAFKA is not set: run `cargo run -p xtask -- kafka-test start`, then `source .local/test.env` (./dev test does both)",
        ),
    };
    Kafka {
        prefix: format!("t-{}", EventId::mint()),
        partitions: 3,
        ladder: [10, 20, 40].map(Duration::from_millis).to_vec(),
        grace: Duration::from_hours(1),
        settle: Duration::from_millis(50),
        session: Duration::from_secs(6),
        ..Kafka::new(brokers)
    }
}

fn config(kafka: &Kafka) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &kafka.brokers);
    config
}

/// The headers the relay would write.
pub fn headers(event: &Envelope) -> Vec<(&'static str, String)> {
    vec![
        ("tenant", event.tenant.to_string()),
        ("event", event.id.to_string()),
        ("kind", event.kind.clone()),
        ("version", event.version.to_string()),
    ]
}

/// Writes a record to the topic of events, whoever's it may be.
pub async fn forge(kafka: &Kafka, key: &str, headers: &[(&str, String)]) {
    let producer: FutureProducer = config(kafka).create().unwrap();
    let topic = kafka.topic();
    let headers = headers.iter().fold(OwnedHeaders::new(), |all, (key, value)| {
        all.insert(Header {
            key,
            value: Some(value),
        })
    });
    let record = FutureRecord::<str, [u8]>::to(&topic).key(key).headers(headers);
    producer.send(record, Duration::from_secs(10)).await.unwrap();
}

fn partitions(kafka: &Kafka) -> impl Iterator<Item = i32> {
    0..kafka.partitions
}

/// Where each partition of the topic of events ends.
fn ends(kafka: &Kafka, reader: &BaseConsumer) -> Vec<(i32, i64)> {
    let end = |partition| {
        let marks = reader.fetch_watermarks(&kafka.topic(), partition, Duration::from_secs(10));
        (partition, marks.map_or(0, |marks| marks.1))
    };
    partitions(kafka).map(end).collect()
}

/// How many records there are and were.
pub async fn told(kafka: &Kafka) -> i64 {
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || {
        let reader: BaseConsumer = config(&kafka).create().unwrap();
        ends(&kafka, &reader).iter().map(|(_, end)| end).sum()
    })
    .await
    .unwrap()
}

/// The events of a partition, in order, as often as they were told.
pub async fn heard(kafka: &Kafka) -> Vec<Vec<String>> {
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || {
        let group = EventId::mint().to_string();
        let reader: BaseConsumer = config(&kafka).set("group.id", group).create().unwrap();
        let read = |(partition, end): (i32, i64)| {
            let mut from = TopicPartitionList::new();
            from.add_partition_offset(&kafka.topic(), partition, Offset::Beginning)
                .unwrap();
            reader.assign(&from).unwrap();
            let mut events = Vec::new();
            while i64::try_from(events.len()).unwrap() < end {
                let message = reader.poll(Duration::from_secs(10)).expect("a record in time").unwrap();
                let mut headers = message.headers().unwrap().iter();
                let event = headers.find(|header| header.key == "event").unwrap().value.unwrap();
                assert!(message.payload().unwrap_or_default().is_empty(), "news and no content");
                events.push(String::from_utf8(event.to_vec()).unwrap());
            }
            events
        };
        ends(&kafka, &reader).into_iter().map(read).collect()
    })
    .await
    .unwrap()
}

/// All that is in the records of the topic of events.
pub async fn spelled(kafka: &Kafka) -> Vec<String> {
    let kafka = kafka.clone();
    tokio::task::spawn_blocking(move || {
        let group = EventId::mint().to_string();
        let reader: BaseConsumer = config(&kafka).set("group.id", group).create().unwrap();
        let mut records = Vec::new();
        for (partition, end) in ends(&kafka, &reader) {
            let mut from = TopicPartitionList::new();
            from.add_partition_offset(&kafka.topic(), partition, Offset::Beginning)
                .unwrap();
            reader.assign(&from).unwrap();
            for _ in 0..end {
                let message = reader.poll(Duration::from_secs(10)).expect("a record in time").unwrap();
                let mut all = [message.key().unwrap_or_default(), message.payload().unwrap_or_default()].concat();
                for header in message.headers().unwrap().iter() {
                    all.extend(header.key.as_bytes());
                    all.extend(header.value.unwrap_or_default());
                }
                records.push(String::from_utf8_lossy(&all).into_owned());
            }
        }
        records
    })
    .await
    .unwrap()
}

/// How many offsets the group has committed.
pub async fn committed(kafka: &Kafka, consumer: &str) -> i64 {
    let (kafka, group) = (kafka.clone(), format!("{}.{consumer}", kafka.prefix));
    tokio::task::spawn_blocking(move || {
        let reader: BaseConsumer = config(&kafka).set("group.id", group).create().unwrap();
        let mut list = TopicPartitionList::new();
        for partition in partitions(&kafka) {
            list.add_partition(&kafka.topic(), partition);
        }
        let list = reader.committed_offsets(list, Duration::from_secs(10)).unwrap();
        list.elements()
            .iter()
            .filter_map(|one| one.offset().to_raw())
            .filter(|offset| *offset > 0)
            .sum()
    })
    .await
    .unwrap()
}

/// The broker comes back without what it was told: every record is gone.
pub async fn lose(kafka: &Kafka) {
    let settings = kafka.clone();
    let ends = tokio::task::spawn_blocking(move || {
        let reader: BaseConsumer = config(&settings).create().unwrap();
        ends(&settings, &reader)
    });
    let mut list = TopicPartitionList::new();
    for (partition, end) in ends.await.unwrap() {
        list.add_partition_offset(&kafka.topic(), partition, Offset::Offset(end))
            .unwrap();
    }
    let admin: AdminClient<DefaultClientContext> = config(kafka).create().unwrap();
    admin.delete_records(&list, &AdminOptions::new()).await.unwrap();
}
