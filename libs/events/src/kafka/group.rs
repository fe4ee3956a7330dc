//! A member of a consumer's group: the poll path, which does no work.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use db::Db;
use rdkafka::ClientContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _, ConsumerContext, Rebalance, StreamConsumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::{Offset, TopicPartitionList};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Kafka;
use super::lane::{Done, Lane, Shop};
use super::record::Record;
use crate::{Consumer, backoff};

/// Records that wait in a lane before its partition is paused, and from how many on it goes on.
const FULL: usize = 500;
const LOW: usize = 100;

type Place = (String, i32);

/// Remembers what was taken away, for the poll path.
#[derive(Default)]
struct Watch(Mutex<Vec<Place>>);

impl ClientContext for Watch {}

impl ConsumerContext for Watch {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(list) = rebalance {
            let mut revoked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            revoked.extend(
                list.elements()
                    .iter()
                    .map(|one| (one.topic().to_owned(), one.partition())),
            );
        }
    }
}

/// Reads and applies until `shutdown`.
pub async fn run<C: Consumer>(kafka: &Kafka, db: &Db, consumer: &Arc<C>, shutdown: &CancellationToken) {
    let mut failures = 0;
    while !shutdown.is_cancelled() {
        let Err(error) = session(kafka, db, consumer, shutdown).await else {
            return;
        };
        failures += 1;
        tracing::warn!(consumer = C::NAME, failures, ?error, "Kafka cannot be read");
        let pause = tokio::time::sleep(backoff::pause(failures));
        tokio::select! { () = shutdown.cancelled() => {}, () = pause => {} }
    }
}

async fn session<C: Consumer>(
    kafka: &Kafka,
    db: &Db,
    consumer: &Arc<C>,
    shutdown: &CancellationToken,
) -> Result<(), KafkaError> {
    let topics = kafka.topics(C::NAME);
    let making = kafka.make_topics(&topics);
    tokio::select! { () = shutdown.cancelled() => return Ok(()), made = making => made? }
    let client = join(kafka, C::NAME, &topics)?;
    let (told, done) = unbounded_channel();
    let mut member = Member {
        client: Arc::new(client),
        shop: Arc::new(Shop::new(kafka.clone(), db.clone(), consumer.clone(), told)?),
        lanes: HashMap::new(),
        work: JoinSet::new(),
        applied: HashMap::new(),
    };
    let ended = member.poll(kafka, done, shutdown).await;
    // Lanes end first: nobody applies for a group that was left.
    member.work.shutdown().await;
    let client = member.client.clone();
    let last = member.list();
    drop(member);
    let left = tokio::task::spawn_blocking(move || {
        if last.count() > 0
            && let Err(error) = client.commit(&last, CommitMode::Sync)
        {
            tracing::debug!(?error, "offsets were not committed: what follows them comes again");
        }
    });
    // It cannot panic, and what it says of the broker changes nothing.
    drop(left.await);
    ended
}

fn join(kafka: &Kafka, consumer: &str, topics: &[String]) -> Result<StreamConsumer<Watch>, KafkaError> {
    let client: StreamConsumer<Watch> = kafka
        .config()
        .set("group.id", format!("{}.{consumer}", kafka.prefix))
        .set("partition.assignment.strategy", "cooperative-sticky")
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("session.timeout.ms", kafka.session.as_millis().to_string())
        .set("heartbeat.interval.ms", (kafka.session.as_millis() / 10).to_string())
        .set("fetch.wait.max.ms", "100")
        .set("queued.max.messages.kbytes", "4096")
        .create_with_context(Watch::default())?;
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    client.subscribe(&names)?;
    Ok(client)
}

struct Member<C> {
    client: Arc<StreamConsumer<Watch>>,
    shop: Arc<Shop<C>>,
    lanes: HashMap<Place, Lane>,
    work: JoinSet<()>,
    /// What was applied and not yet committed: the next offset of each.
    applied: HashMap<Place, i64>,
}

impl<C: Consumer> Member<C> {
    async fn poll(
        &mut self,
        kafka: &Kafka,
        mut done: UnboundedReceiver<Done>,
        shutdown: &CancellationToken,
    ) -> Result<(), KafkaError> {
        let mut tick = tokio::time::interval(kafka.settle);
        loop {
            let client = self.client.clone();
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                message = client.recv() => {
                    self.forget_revoked();
                    match message {
                        Ok(message) => self.sort(Record::of(&message))?,
                        Err(error) if is_fatal(&error) => return Err(error),
                        // The client mends it by itself.
                        Err(error) => tracing::debug!(?error, "Kafka is away"),
                    }
                }
                Some(done) = done.recv() => self.note(done),
                _ = tick.tick() => {
                    self.forget_revoked();
                    self.settle()?;
                }
            }
        }
    }

    /// Puts it into its lane.
    fn sort(&mut self, record: Record) -> Result<(), KafkaError> {
        let place = (record.topic.clone(), record.partition);
        let (shop, work) = (&self.shop, &mut self.work);
        let lane = self
            .lanes
            .entry(place.clone())
            .or_insert_with(|| Lane::open(shop, work));
        if lane.put(record) >= FULL && !lane.paused {
            lane.paused = true;
            self.client.pause(&listed([(&place, None)]))?;
        }
        Ok(())
    }

    fn note(&mut self, done: Done) {
        let place = (done.topic, done.partition);
        // Of a partition that was taken away nothing is committed any more: it is another's.
        if self.lanes.contains_key(&place) {
            self.applied.insert(place, done.next);
        }
    }

    fn forget_revoked(&mut self) {
        let context = self.client.client().context();
        let revoked = std::mem::take(&mut *context.0.lock().unwrap_or_else(PoisonError::into_inner));
        for place in revoked {
            self.applied.remove(&place);
            if let Some(lane) = self.lanes.remove(&place) {
                lane.close();
            }
        }
    }

    /// Commits what was applied, and goes on where a lane has room again.
    fn settle(&mut self) -> Result<(), KafkaError> {
        while let Some(ended) = self.work.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                // What waited in it comes again to whoever joins anew.
                tracing::error!(consumer = C::NAME, "a lane ended by itself");
                return Err(KafkaError::Canceled);
            }
        }
        for (place, lane) in &mut self.lanes {
            if lane.paused && lane.waiting() <= LOW {
                lane.paused = false;
                self.client.resume(&listed([(place, None)]))?;
            }
        }
        let list = self.list();
        if list.count() > 0 {
            self.client.commit(&list, CommitMode::Async)?;
            self.applied.clear();
        }
        Ok(())
    }

    fn list(&self) -> TopicPartitionList {
        listed(self.applied.iter().map(|(place, next)| (place, Some(*next))))
    }
}

fn listed<'a>(places: impl IntoIterator<Item = (&'a Place, Option<i64>)>) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    for ((topic, partition), offset) in places {
        let mut one = list.add_partition(topic, *partition);
        if let Some(offset) = offset {
            // Every number from a broker is an offset.
            let _ = one.set_offset(Offset::Offset(offset));
        }
    }
    list
}

fn is_fatal(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(RDKafkaErrorCode::Fatal | RDKafkaErrorCode::FencedInstanceId | RDKafkaErrorCode::UnknownTopicOrPartition)
    )
}
