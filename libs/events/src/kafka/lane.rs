//! One partition's records, applied in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::Db;
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

use super::Kafka;
use super::budget::Budget;
use super::record::{News, Record};
use super::settle::{Later, Settler};
use crate::{Consumer, backoff};

/// Up to here a partition was applied.
#[derive(Debug)]
pub struct Done {
    pub topic: String,
    pub partition: i32,
    /// The first offset that was not.
    pub next: i64,
}

/// What all lanes of a member share.
pub struct Shop<C> {
    db: Db,
    settler: Settler<Db, Retries, C>,
    budget: Budget,
    told: UnboundedSender<Done>,
}

impl<C: Consumer> Shop<C> {
    pub fn new(kafka: Kafka, db: Db, consumer: Arc<C>, told: UnboundedSender<Done>) -> Result<Self, KafkaError> {
        let retries = Retries {
            producer: kafka.producer()?,
            kafka,
            db: db.clone(),
            consumer: C::NAME,
        };
        Ok(Self {
            db: db.clone(),
            settler: Settler::new(db, retries, consumer),
            budget: Budget::new(Instant::now()),
            told,
        })
    }
}

/// The end of a lane that the poll path holds.
pub struct Lane {
    queue: UnboundedSender<Record>,
    waiting: Arc<AtomicUsize>,
    work: AbortHandle,
    /// The broker is asked for no more.
    pub paused: bool,
}

impl Lane {
    pub fn open<C: Consumer>(shop: &Arc<Shop<C>>, work: &mut JoinSet<()>) -> Self {
        let (queue, records) = unbounded_channel();
        let waiting = Arc::<AtomicUsize>::default();
        let work = work.spawn(serve(shop.clone(), records, waiting.clone()));
        Self {
            queue,
            waiting,
            work,
            paused: false,
        }
    }

    /// How many wait, this one among them.
    pub fn put(&self, record: Record) -> usize {
        // The other end is there as long as this one.
        let _ = self.queue.send(record);
        self.waiting.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// What is not committed is rolled back.
    pub fn close(self) {
        self.work.abort();
    }
}

async fn serve<C: Consumer>(shop: Arc<Shop<C>>, mut records: UnboundedReceiver<Record>, waiting: Arc<AtomicUsize>) {
    let mut batch = Vec::with_capacity(C::AT_ONCE);
    while records.recv_many(&mut batch, C::AT_ONCE).await > 0 {
        let taken = batch.len();
        let done = batch.last().map(|last: &Record| Done {
            topic: last.topic.clone(),
            partition: last.partition,
            next: last.offset + 1,
        });
        let mut gather = Duration::ZERO;
        if batch.iter().any(|record| record.attempts > 0) {
            for record in batch.drain(..) {
                shop.wait_for(&record).await;
                shop.settler.settle(&[record]).await;
            }
        } else {
            shop.budget.earn(taken);
            shop.settler.settle(&batch).await;
            if (1..C::AT_ONCE / 2).contains(&shop.settler.wanted(&batch)) {
                gather = C::GATHERS;
            }
            batch.clear();
        }
        waiting.fetch_sub(taken, Ordering::Relaxed);
        let Some(done) = done else { continue };
        if shop.told.send(done).is_err() {
            return;
        }
        tokio::time::sleep(gather).await;
    }
}

impl<C: Consumer> Shop<C> {
    /// Until it is due and retries may cost something again.
    async fn wait_for(&self, record: &Record) {
        let due = record.due.and_then(|due| (due - self.db.clock().now()).to_std().ok());
        // Whoever writes a due date of next year waits no longer than the longest step.
        let longest = self
            .settler
            .later
            .kafka
            .ladder
            .iter()
            .max()
            .copied()
            .unwrap_or_default();
        tokio::time::sleep(due.unwrap_or_default().min(longest)).await;
        while let Err(pause) = self.budget.spend(Instant::now()) {
            tokio::time::sleep(pause).await;
        }
    }
}

/// The topics in which what failed waits.
pub struct Retries {
    kafka: Kafka,
    db: Db,
    producer: FutureProducer,
    consumer: &'static str,
}

impl Later for Retries {
    fn steps(&self) -> usize {
        self.kafka.ladder.len()
    }

    async fn put(&self, record: &Record, news: &News, step: usize) -> Result<(), fault::Error> {
        let longest = self.kafka.ladder.get(step).copied().unwrap_or_default();
        let due = self.db.clock().now() + backoff::jitter(longest);
        let topic = self.kafka.retry_topic(self.consumer, step);
        let headers = news.headers(Some((record.attempts + 1, due)));
        let retry = FutureRecord::<[u8], [u8]>::to(&topic).key(&record.key).headers(headers);
        let sent = self.producer.send(retry, Duration::from_secs(10)).await;
        sent.map(drop)
            .map_err(|(error, _)| fault::Error::unavailable("Kafka is away.", 1).private(error))
    }

    async fn rest(&self, failures: u32) {
        tokio::time::sleep(backoff::pause(failures)).await;
    }
}
