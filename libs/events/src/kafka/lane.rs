//! One partition's records, applied in their order.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use db::{Db, Reason, SystemTx};
use rdkafka::error::KafkaError;
use rdkafka::producer::{FutureProducer, FutureRecord};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{AbortHandle, JoinSet};

use super::Kafka;
use super::budget::Budget;
use super::record::Record;
use crate::consumer::{apply, newer, prepare};
use crate::{Consumer, Envelope, backoff, store};

/// Events per commit.
const BATCH: usize = 100;

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
    kafka: Kafka,
    db: Db,
    consumer: Arc<C>,
    producer: FutureProducer,
    budget: Budget,
    told: UnboundedSender<Done>,
}

impl<C: Consumer> Shop<C> {
    pub fn new(kafka: Kafka, db: Db, consumer: Arc<C>, told: UnboundedSender<Done>) -> Result<Self, KafkaError> {
        Ok(Self {
            producer: kafka.producer()?,
            kafka,
            db,
            consumer,
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
    let mut batch = Vec::with_capacity(BATCH);
    while records.recv_many(&mut batch, BATCH).await > 0 {
        let taken = batch.len();
        let done = batch.last().map(|last: &Record| Done {
            topic: last.topic.clone(),
            partition: last.partition,
            next: last.offset + 1,
        });
        if batch.iter().any(|record| record.attempts > 0) {
            for record in batch.drain(..) {
                shop.wait_for(&record).await;
                shop.settle(&[record]).await;
            }
        } else {
            shop.budget.earn(taken);
            shop.settle(&batch).await;
            batch.clear();
        }
        waiting.fetch_sub(taken, Ordering::Relaxed);
        let Some(done) = done else { continue };
        if shop.told.send(done).is_err() {
            return;
        }
    }
}

/// Why records could not be applied together, and by which one's fault, if that is known.
struct Failed {
    at: Option<usize>,
    error: fault::Error,
}

impl From<db::Error> for Failed {
    fn from(error: db::Error) -> Self {
        Self {
            at: None,
            error: error.into(),
        }
    }
}

impl<C: Consumer> Shop<C> {
    /// Until it is due and retries may cost something again.
    async fn wait_for(&self, record: &Record) {
        let due = record.due.and_then(|due| (due - self.db.clock().now()).to_std().ok());
        // Whoever writes a due date of next year waits no longer than the longest step.
        let longest = self.kafka.ladder.iter().max().copied().unwrap_or_default();
        tokio::time::sleep(due.unwrap_or_default().min(longest)).await;
        while let Err(pause) = self.budget.spend(Instant::now()) {
            tokio::time::sleep(pause).await;
        }
    }

    /// Deals with these records, however long it takes: applied, on their way to a retry, or in the dead letters.
    async fn settle(&self, records: &[Record]) {
        let Err(failed) = self.patiently(records).await else {
            return;
        };
        let at = failed.at.or((records.len() == 1).then_some(0));
        let Some((before, record, behind)) = at.and_then(|at| {
            let (record, behind) = records.get(at..)?.split_first()?;
            Some((records.get(..at)?, record, behind))
        }) else {
            // Whose fault it is shows when each is by itself.
            for record in records {
                Box::pin(self.settle(std::slice::from_ref(record))).await;
            }
            return;
        };
        // Those before it were rolled back with it.
        Box::pin(self.settle(before)).await;
        let mut failures = 0;
        while let Err(again) = self.put_off(record, &failed.error).await {
            failures += 1;
            tracing::warn!(consumer = C::NAME, failures, error = ?again, "what failed cannot be put off");
            tokio::time::sleep(backoff::pause(failures)).await;
        }
        Box::pin(self.settle(behind)).await;
    }

    /// Applies them in one commit; while a part is away, for as long as it takes.
    async fn patiently(&self, records: &[Record]) -> Result<(), Failed> {
        let mut failures = 0;
        loop {
            match self.all(records).await {
                Err(Failed { error, .. }) if error.is_temporary() => {
                    failures += 1;
                    tracing::warn!(consumer = C::NAME, failures, ?error, "the feed is interrupted");
                    tokio::time::sleep(backoff::pause(failures)).await;
                }
                ended => return ended,
            }
        }
    }

    async fn all(&self, records: &[Record]) -> Result<(), Failed> {
        let wanted: Vec<_> = records
            .iter()
            .enumerate()
            .filter(|(_, record)| self.wants(record))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        if C::SEALS {
            let tenants = wanted
                .iter()
                .filter_map(|(_, record)| Some(record.news.as_ref()?.tenant));
            let tenants = tenants.filter(|tenant| !self.db.holds_keys(*tenant)).collect();
            let prepared = prepare(&self.db, tenants).await;
            prepared.map_err(|error| Failed { at: None, error })?;
        }
        let mut tx = self.db.system(Reason::Consume).await?;
        let news = wanted.iter().filter_map(|(_, record)| record.news.as_ref());
        let pairs: Vec<_> = news.map(|news| (news.tenant, news.event)).collect();
        let found = store::records::lookup(&mut tx, &pairs).await?;
        for (at, record) in wanted {
            let news = record.news.as_ref();
            let done = match news.and_then(|news| found.get(&(news.tenant, news.event))) {
                Some(event) => self.one(&mut tx, event).await,
                None => self.refuse(&mut tx, record).await,
            };
            done.map_err(|error| Failed { at: Some(at), error })?;
        }
        Ok(tx.commit().await?)
    }

    /// A record that lacks something is looked at by everybody.
    fn wants(&self, record: &Record) -> bool {
        record.news.as_ref().is_none_or(|news| self.consumer.wants(&news.kind))
    }

    async fn one(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        // What the record said of its kind was news; this is the truth.
        if !self.consumer.wants(&event.kind) || !store::first_time(tx, C::NAME, event.id).await? {
            return Ok(());
        }
        if let Some(cause) = newer(&*self.consumer, event) {
            tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
            return Ok(store::letters::bury(tx, C::NAME, event, &cause, 0).await?);
        }
        apply(tx, &*self.consumer, event).await
    }

    /// There is no such event of the tenant it names: what was applied long ago is forgotten, anything else is a letter of
    /// the platform's.
    async fn refuse(&self, tx: &mut SystemTx, record: &Record) -> Result<(), fault::Error> {
        if let Some(news) = &record.news
            && store::records::is_done(tx, C::NAME, news.event).await?
        {
            return Ok(());
        }
        let letter = record.refused(tx.now());
        if !store::first_time(tx, C::NAME, letter.id).await? {
            return Ok(());
        }
        let cause = "the record names no event of the tenant it names";
        tracing::error!(
            consumer = C::NAME,
            record = letter.subject,
            cause,
            "a record is refused"
        );
        Ok(store::letters::bury(tx, C::NAME, &letter, cause, 0).await?)
    }

    /// To the next retry, or to the dead letters after the last.
    async fn put_off(&self, record: &Record, error: &fault::Error) -> Result<(), fault::Error> {
        let attempts = record.attempts + 1;
        let step = usize::try_from(record.attempts).unwrap_or(usize::MAX);
        let Some((news, longest)) = record.news.as_ref().zip(self.kafka.ladder.get(step)) else {
            return self.bury(record, &format!("{error:?}"), attempts).await;
        };
        let due = self.db.clock().now() + backoff::jitter(*longest);
        let topic = self.kafka.retry_topic(C::NAME, step);
        let headers = news.headers(Some((attempts, due)));
        let retry = FutureRecord::<[u8], [u8]>::to(&topic).key(&record.key).headers(headers);
        let sent = self.producer.send(retry, Duration::from_secs(10)).await;
        sent.map(drop)
            .map_err(|(error, _)| fault::Error::unavailable("Kafka is away.", 1).private(error))
    }

    async fn bury(&self, record: &Record, cause: &str, attempts: u32) -> Result<(), fault::Error> {
        let mut tx = self.db.system(Reason::Consume).await?;
        let Some(news) = &record.news else { return Ok(()) };
        let pair = (news.tenant, news.event);
        let found = store::records::lookup(&mut tx, &[pair]).await?;
        let Some(event) = found.get(&pair) else { return Ok(()) };
        if store::first_time(&mut tx, C::NAME, event.id).await? {
            tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
            store::letters::bury(&mut tx, C::NAME, event, cause, attempts).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
