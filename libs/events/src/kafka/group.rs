//! A member of a consumer's group: the poll path, which does no work.

use std::collections::HashMap;
use std::sync::Arc;

use db::Db;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::{KafkaError, KafkaResult};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::Kafka;
use super::lane::{Done, Lane, Shop};
use super::offsets::{Offsets, Place, Watch, listed};
use super::record::Record;
use crate::{Consumer, backoff};

/// Records that wait in a lane before its partition is paused, and from how many on it goes on.
const FULL: usize = 1_000;
const LOW: usize = 500;

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
        offsets: Offsets::default(),
        commits: JoinSet::new(),
    };
    let ended = member.poll(kafka, done, shutdown).await;
    // Lanes end first: nobody applies for a group that was left.
    member.work.shutdown().await;
    let client = member.client.clone();
    let last = member.offsets.all();
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

pub(super) fn join(kafka: &Kafka, consumer: &str, topics: &[String]) -> Result<StreamConsumer<Watch>, KafkaError> {
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
    offsets: Offsets,
    /// The one that is under way.
    commits: JoinSet<KafkaResult<()>>,
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
                        Err(error) if super::is_fatal(&error) => return Err(error),
                        // The client mends it by itself.
                        Err(error) => tracing::debug!(?error, "Kafka is away"),
                    }
                }
                Some(ended) = self.commits.join_next() => self.committed(ended),
                Some(done) = done.recv() => self.note(done)?,
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

    fn note(&mut self, done: Done) -> Result<(), KafkaError> {
        let place = (done.topic, done.partition);
        // Of a partition that was taken away nothing is committed any more: it is another's.
        let Some(lane) = self.lanes.get_mut(&place) else {
            return Ok(());
        };
        if lane.paused && lane.waiting() <= LOW {
            lane.paused = false;
            self.client.resume(&listed([(&place, None)]))?;
        }
        self.offsets.note(place, done.next);
        Ok(())
    }

    fn forget_revoked(&mut self) {
        for place in self.client.client().context().revoked() {
            self.offsets.forget(&place);
            if let Some(lane) = self.lanes.remove(&place) {
                lane.close();
            }
        }
    }

    /// Commits what was applied.
    fn settle(&mut self) -> Result<(), KafkaError> {
        while let Some(ended) = self.work.try_join_next() {
            if ended.is_err_and(|error| error.is_panic()) {
                // What waited in it comes again to whoever joins anew.
                tracing::error!(consumer = C::NAME, "a lane ended by itself");
                return Err(KafkaError::Canceled);
            }
        }
        if self.commits.is_empty()
            && let Some(list) = self.offsets.send()
        {
            let client = self.client.clone();
            self.commits
                .spawn_blocking(move || client.commit(&list, CommitMode::Sync));
        }
        Ok(())
    }

    fn committed(&mut self, ended: Result<KafkaResult<()>, JoinError>) {
        let arrived = matches!(ended, Ok(Ok(())));
        if !arrived {
            tracing::debug!(
                consumer = C::NAME,
                ?ended,
                "offsets were not committed and will be again"
            );
        }
        self.offsets.sent(arrived);
    }
}
