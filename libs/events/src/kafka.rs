//! The feed over Kafka, for platforms of several machines.
//!
//! # What it guarantees
//! Kafka is news and `PostgreSQL` is truth. A record says that an event was committed: whose, which, of what kind. It carries
//! nothing of the event's content. A consumer reads the event itself by the two ids, writes effect and inbox row in one
//! commit, and only then has the offset committed. So a record that comes twice, late, out of order or to two members at once
//! has one effect, and one that nobody wrote has none: what names no event of the tenant it names goes to the dead letters
//! and is nobody's ([`record::REFUSED`]). There is no default tenant.
//!
//! What Kafka loses is found: behind the records every consumer also reads the outbox itself, [`Kafka::grace`] late, where all
//! that was applied is already in the inbox ([`crate::consumer`]). A broker that is away or comes back without its last
//! minutes costs time and no event.
//!
//! # What it keeps in order
//! Events of one key, which is the tenant and what the event is about; audit entries have their tenant alone as key. The relay
//! sends in the order of commits and asks for the idempotent producer's order ([`mod@relay`]). Only what fails leaves its place.
//!
//! # What fails
//! While a part is away the partition waits. Anything else goes to the next of the retry topics, with the count of attempts in
//! a header, and the partition moves on; after the last it goes to the dead letters. Retries share a budget: a tenth of what
//! is delivered, and one a second ([`budget`]).
//!
//! # What it was born from
//! A handler on the poll path that takes longer than the group allows is taken for dead; its partitions go to another, which
//! is slow on the same record. Here the poll path only sorts records into lanes, one per partition.

pub(crate) mod bell;
mod budget;
mod group;
mod lane;
mod offsets;
pub(crate) mod record;
pub(crate) mod relay;
pub(crate) mod security;
pub(crate) mod settle;

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::KafkaError;
use rdkafka::producer::FutureProducer;
use rdkafka::types::RDKafkaErrorCode;

pub(crate) use group::run;
pub(crate) use record::REFUSED;
pub(crate) use relay::run as relay;
pub use security::{Insecure, Login, Security, Tls};

/// Records are kept for less long than the inbox remembers what was done.
const RETENTION: Duration = Duration::from_hours(6 * 24);

/// Where the brokers are, and how they are used.
#[derive(Debug, Clone)]
pub struct Kafka {
    /// `host:port`, divided by commas.
    pub brokers: String,
    /// What topics and groups begin with.
    pub prefix: String,
    /// Partitions of the topic of events: as many members of a group work at once.
    pub partitions: i32,
    /// How long at most each retry waits, one topic for each.
    pub ladder: Vec<Duration>,
    /// How far behind the feed a consumer looks in the database for what Kafka did not tell. Longer than all retries
    /// together.
    pub grace: Duration,
    /// How often offsets are committed.
    pub settle: Duration,
    /// After how long without a sign of life a member's partitions go to another.
    pub session: Duration,
    /// What they are spoken to with.
    pub security: Security,
}

impl Kafka {
    /// As it is used in production.
    pub fn new(brokers: impl Into<String>) -> Self {
        Self {
            brokers: brokers.into(),
            prefix: "yunshu".to_owned(),
            partitions: 12,
            ladder: vec![Duration::from_secs(5), Duration::from_mins(1), Duration::from_mins(10)],
            grace: Duration::from_mins(20),
            settle: Duration::from_millis(200),
            // A killed member is missed for so long, and half a minute after a death all is told.
            session: Duration::from_secs(10),
            security: Security::default(),
        }
    }

    /// The topic of all events.
    pub fn topic(&self) -> String {
        format!("{}.events", self.prefix)
    }

    /// The topic in which a consumer's records wait for this retry, from 0.
    fn retry_topic(&self, consumer: &str, step: usize) -> String {
        format!("{}.{consumer}.retry-{}", self.prefix, step + 1)
    }

    /// The topics a consumer reads: that of the events, then its retries.
    fn topics(&self, consumer: &str) -> Vec<String> {
        let retries = (0..self.ladder.len()).map(|step| self.retry_topic(consumer, step));
        std::iter::once(self.topic()).chain(retries).collect()
    }

    fn config(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "yunshu")
            .set("reconnect.backoff.max.ms", "1000")
            .set("allow.auto.create.topics", "false");
        self.security.apply(&mut config);
        config
    }

    /// For what may come in any order, and twice.
    fn producer(&self) -> Result<FutureProducer, KafkaError> {
        self.config()
            .set("acks", "all")
            .set("linger.ms", "2")
            .set("message.timeout.ms", "10000")
            .create()
    }

    /// For what comes in order or not at all: see [`relay`].
    fn ordered_producer(&self) -> Result<FutureProducer, KafkaError> {
        self.config()
            .set("acks", "all")
            .set("enable.idempotence", "true")
            .set("enable.gapless.guarantee", "true")
            .set("linger.ms", "2")
            .set("message.timeout.ms", "0")
            .create()
    }

    /// Makes the topic of events, if the brokers can be reached and will have it.
    pub async fn reach(&self) -> Result<(), KafkaError> {
        self.make_topics(&[self.topic()]).await
    }

    /// Makes the topics that are missing: brokers that make them by themselves make them with one partition.
    async fn make_topics(&self, names: &[String]) -> Result<(), KafkaError> {
        let admin: AdminClient<DefaultClientContext> = self.config().create()?;
        let retention = RETENTION.as_millis().to_string();
        let new = |name| {
            // As often as the brokers do by default.
            NewTopic::new(name, self.partitions, TopicReplication::Fixed(-1)).set("retention.ms", &retention)
        };
        let topics: Vec<NewTopic<'_>> = names.iter().map(|name| new(name)).collect();
        let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(10)));
        for made in admin.create_topics(&topics, &options).await? {
            match made {
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((_, code)) => return Err(KafkaError::AdminOp(code)),
            }
        }
        Ok(())
    }
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnknownTopicOrPartition)
    )
}
