//! Deals with records of one partition, whatever becomes of them.
//!
//! As many as there are share a commit: inbox rows first, then the effects, and nothing of either if one fails. Then they are
//! applied one after the other, to see which; those before it have a commit of their own, it leaves its place, and those
//! behind it go on.

use std::collections::HashSet;
use std::sync::Arc;

use db::Reason;
use ids::{EventId, TenantId};

use super::record::{News, Record};
use crate::consumer::{Failed, in_turn, newer, together};
use crate::ledger::{Ledger, Page};
use crate::{Consumer, Envelope, park};

/// Where what failed waits for its next try.
pub trait Later: Send + Sync {
    /// How many retries there are.
    fn steps(&self) -> usize;

    /// Puts the record where it waits for this retry, from 0. After an error it may be there all the same.
    fn put(&self, record: &Record, news: &News, step: usize) -> impl Future<Output = Result<(), fault::Error>> + Send;

    /// Pauses after so many failures one after another.
    fn rest(&self, failures: u32) -> impl Future<Output = ()> + Send;
}

/// Deals with records.
pub struct Settler<L, R, C> {
    db: L,
    pub(super) later: R,
    consumer: Arc<C>,
}

impl<L, R, C> Settler<L, R, C> {
    /// Of this consumer.
    pub const fn new(db: L, later: R, consumer: Arc<C>) -> Self {
        Self { db, later, consumer }
    }
}

/// How records share a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// All at once.
    Together,
    /// One after the other, to see which one fails.
    InTurn,
}

impl<L: Ledger, R: Later, C: Consumer<L::Tx>> Settler<L, R, C> {
    /// How many of these the consumer wants.
    pub fn wanted(&self, records: &[Record]) -> usize {
        records.iter().filter(|record| self.wants(record)).count()
    }

    /// Deals with these records, however long it takes: applied, on their way to a retry, or in the dead letters.
    pub async fn settle(&self, mut records: &[Record]) {
        while !records.is_empty() {
            records = self.some(records).await;
        }
    }

    /// Deals with all of these, or with those up to one that fails; what is left.
    async fn some<'r>(&self, records: &'r [Record]) -> &'r [Record] {
        let mut ended = self.patiently(records, How::Together).await;
        if matches!(&ended, Err(Failed { at: None, .. })) && records.len() > 1 {
            ended = self.patiently(records, How::InTurn).await;
        }
        let Err(failed) = ended else { return &[] };
        let at = failed.at.or((records.len() == 1).then_some(0));
        let Some((before, record, behind)) = at.and_then(|at| {
            let (record, behind) = records.get(at..)?.split_first()?;
            Some((records.get(..at)?, record, behind))
        }) else {
            // It was the commit. Whose fault that is shows when each is by itself.
            for record in records {
                Box::pin(self.settle(std::slice::from_ref(record))).await;
            }
            return &[];
        };
        // Those before it were rolled back with it.
        Box::pin(self.settle(before)).await;
        let mut failures = 0;
        while let Err(again) = self.put_off(record, &failed.error).await {
            failures += 1;
            tracing::warn!(consumer = C::NAME, failures, error = ?again, "what failed cannot be put off");
            self.later.rest(failures).await;
        }
        behind
    }

    /// Applies them in one commit; while a part is away, for as long as it takes.
    async fn patiently(&self, records: &[Record], how: How) -> Result<(), Failed> {
        let mut failures = 0;
        loop {
            match self.all(records, how).await {
                Err(Failed { error, .. }) if error.is_temporary() => {
                    failures += 1;
                    tracing::warn!(consumer = C::NAME, failures, ?error, "the feed is interrupted");
                    self.later.rest(failures).await;
                }
                ended => return ended,
            }
        }
    }

    async fn all(&self, records: &[Record], how: How) -> Result<(), Failed> {
        let wanted: Vec<_> = records
            .iter()
            .enumerate()
            .filter(|(_, record)| self.wants(record))
            .collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let tenants = wanted
            .iter()
            .filter_map(|(_, record)| Some(record.news.as_ref()?.tenant));
        let unheld = park::unheld::<L, C>(&self.db, tenants, &HashSet::new());
        let away = park::prepare::<L, C>(&self.db, unheld).await;
        let away = away.map_err(Failed::from)?;
        let mut tx = self.db.begin(Reason::Consume).await?;
        let news = wanted.iter().filter_map(|(_, record)| record.news.as_ref());
        let pairs: Vec<_> = news.map(|news| (news.tenant, news.event)).collect();
        let found = tx.lookup(&pairs).await?;
        let mut events = Vec::with_capacity(wanted.len());
        for (at, record) in wanted {
            let news = record.news.as_ref();
            match news.and_then(|news| found.get(&(news.tenant, news.event))) {
                // What the record said of its kind was news; this is the truth.
                Some(event) if self.consumer.wants(&event.kind) => events.push((at, event)),
                Some(_) => {}
                None => {
                    let refused = self.refuse(&mut tx, record).await;
                    refused.map_err(|error| Failed { at: Some(at), error })?;
                }
            }
        }
        self.apply_new(&mut tx, &away, events, how).await?;
        Ok(tx.commit().await?)
    }

    /// Applies those of these events that were not applied before, and puts aside whose keys are away. Each comes with its number
    /// among the records.
    async fn apply_new(
        &self,
        tx: &mut L::Tx,
        away: &HashSet<TenantId>,
        mut events: Vec<(usize, &Envelope)>,
        how: How,
    ) -> Result<(), Failed> {
        let ids: Vec<_> = events.iter().map(|(_, event)| event.id).collect();
        if ids.is_empty() {
            return Ok(());
        }
        let mut new = tx.first_times(C::NAME, &ids).await?;
        // The same event may be told of twice in one batch.
        events.retain(|(_, event)| new.remove(&event.id));
        let open = park::aside::<L::Tx, C>(tx, away, events.iter().map(|(_, event)| *event).collect()).await?;
        let open: HashSet<EventId> = open.iter().map(|event| event.id).collect();
        events.retain(|(_, event)| open.contains(&event.id));
        let mut places = Vec::with_capacity(events.len());
        let mut known = Vec::with_capacity(events.len());
        for (at, event) in events {
            if let Some(cause) = newer(&*self.consumer, event) {
                tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
                tx.bury(C::NAME, event, &cause, 0).await?;
            } else {
                places.push(at);
                known.push(event);
            }
        }
        if known.is_empty() {
            return Ok(());
        }
        let applied = match how {
            How::Together => together(tx, &*self.consumer, &known).await,
            How::InTurn => in_turn(tx, &*self.consumer, &known).await,
        };
        applied.map_err(|Failed { at, error }| Failed {
            at: at.and_then(|at| places.get(at).copied()),
            error,
        })
    }

    /// A record that lacks something is looked at by everybody.
    fn wants(&self, record: &Record) -> bool {
        record.news.as_ref().is_none_or(|news| self.consumer.wants(&news.kind))
    }

    /// There is no such event of the tenant it names: what was applied long ago is forgotten, anything else is a letter of
    /// the platform's.
    async fn refuse(&self, tx: &mut L::Tx, record: &Record) -> Result<(), fault::Error> {
        if let Some(news) = &record.news
            && tx.is_done(C::NAME, news.event).await?
        {
            return Ok(());
        }
        let letter = record.refused(tx.now());
        if !tx.first_time(C::NAME, letter.id).await? {
            return Ok(());
        }
        let cause = "the record names no event of the tenant it names";
        tracing::error!(
            consumer = C::NAME,
            record = letter.subject,
            cause,
            "a record is refused"
        );
        Ok(tx.bury(C::NAME, &letter, cause, 0).await?)
    }

    /// To the next retry, or to the dead letters after the last.
    async fn put_off(&self, record: &Record, error: &fault::Error) -> Result<(), fault::Error> {
        let attempts = record.attempts + 1;
        let step = usize::try_from(record.attempts).unwrap_or(usize::MAX);
        let Some(news) = record.news.as_ref().filter(|_| step < self.later.steps()) else {
            return self.bury(record, &format!("{error:?}"), attempts).await;
        };
        self.later.put(record, news, step).await
    }

    async fn bury(&self, record: &Record, cause: &str, attempts: u32) -> Result<(), fault::Error> {
        let mut tx = self.db.begin(Reason::Consume).await?;
        let Some(news) = &record.news else { return Ok(()) };
        let pair = (news.tenant, news.event);
        let found = tx.lookup(&[pair]).await?;
        let Some(event) = found.get(&pair) else { return Ok(()) };
        if tx.first_time(C::NAME, event.id).await? {
            tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
            tx.bury(C::NAME, event, cause, attempts).await?;
        }
        tx.commit().await?;
        Ok(())
    }
}
