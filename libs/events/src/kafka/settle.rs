//! Deals with records of one partition, whatever becomes of them.

use std::collections::HashSet;
use std::sync::Arc;

use db::Reason;
use ids::TenantId;

use super::record::{News, Record};
use crate::consumer::{apply, newer};
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

impl<L: Ledger, R: Later, C: Consumer<L::Tx>> Settler<L, R, C> {
    /// Deals with these records, however long it takes: applied, on their way to a retry, or in the dead letters.
    pub async fn settle(&self, records: &[Record]) {
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
            self.later.rest(failures).await;
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
                    self.later.rest(failures).await;
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
        let tenants = wanted
            .iter()
            .filter_map(|(_, record)| Some(record.news.as_ref()?.tenant));
        let unheld = park::unheld::<L, C>(&self.db, tenants, &HashSet::new());
        let away = park::prepare::<L, C>(&self.db, unheld).await;
        let away = away.map_err(|error| Failed { at: None, error })?;
        let mut tx = self.db.begin(Reason::Consume).await?;
        let news = wanted.iter().filter_map(|(_, record)| record.news.as_ref());
        let pairs: Vec<_> = news.map(|news| (news.tenant, news.event)).collect();
        let found = tx.lookup(&pairs).await?;
        for (at, record) in wanted {
            let news = record.news.as_ref();
            let done = match news.and_then(|news| found.get(&(news.tenant, news.event))) {
                Some(event) => self.one(&mut tx, event, &away).await,
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

    async fn one(&self, tx: &mut L::Tx, event: &Envelope, away: &HashSet<TenantId>) -> Result<(), fault::Error> {
        // What the record said of its kind was news; this is the truth.
        if !self.consumer.wants(&event.kind) || !tx.first_time(C::NAME, event.id).await? {
            return Ok(());
        }
        if park::aside::<L::Tx, C>(tx, away, vec![event]).await?.is_empty() {
            return Ok(());
        }
        if let Some(cause) = newer(&*self.consumer, event) {
            tracing::error!(consumer = C::NAME, event = %event.id, cause, "an event goes to the dead letters");
            return Ok(tx.bury(C::NAME, event, &cause, 0).await?);
        }
        apply(tx, &*self.consumer, event).await
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
