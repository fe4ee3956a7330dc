//! What feeding asks of the place where events are kept.
//!
//! In production that is the database and nothing else ([`Db`], with the statements of [`store`]). What decides, the steps in
//! [`crate::step`], is written against this and so can be run where every commit may end in every way.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use crypto::KeyError;
use db::{Db, Reason, Result, SystemTx};
use ids::{EventId, TenantId};

use crate::park::Parked;
use crate::store::{self, Batch};
use crate::{Envelope, Position};

/// Where events, positions and marks are kept.
pub trait Ledger: Send + Sync {
    /// Work that is committed whole or not at all; dropped, it is rolled back.
    type Tx: Page;

    /// Begins.
    fn begin(&self, reason: Reason) -> impl Future<Output = Result<Self::Tx>> + Send;

    /// Are the keys of this tenant at hand?
    fn holds_keys(&self, tenant: TenantId) -> bool;

    /// Asks for the keys of a tenant.
    fn ask_keys(&self, tenant: TenantId) -> impl Future<Output = Result<(), KeyError>> + Send;

    /// Asks for the keys of these tenants, and waits no longer than a moment; those whose keys are away. An error if nobody's
    /// can be reached.
    fn gather_keys(&self, tenants: Vec<TenantId>) -> impl Future<Output = Result<HashSet<TenantId>, KeyError>> + Send;
}

/// One transaction of a [`Ledger`].
pub trait Page: Send {
    /// When it began.
    fn now(&self) -> DateTime<Utc>;

    /// How far the consumer has read.
    fn cursor(&mut self, consumer: &str) -> impl Future<Output = Result<Position>> + Send;

    /// The next events behind `after`, below the oldest transaction that is still open.
    fn next(&mut self, after: Position, limit: usize) -> impl Future<Output = Result<Batch>> + Send;

    /// Takes the consumer's place until this ends, if it still is `at` and nobody else holds it.
    fn take_cursor(&mut self, consumer: &str, at: Position) -> impl Future<Output = Result<bool>> + Send;

    /// Moves the place that was taken.
    fn move_cursor(&mut self, consumer: &str, to: Position) -> impl Future<Output = Result<()>> + Send;

    /// Losing this commit would cost nothing but time.
    fn hurry(&mut self) -> impl Future<Output = Result<()>> + Send;

    /// True the first time this consumer meets the event; while somebody else is at it, their end is waited for.
    fn first_time(&mut self, consumer: &str, event: EventId) -> impl Future<Output = Result<bool>> + Send;

    /// Those of these that this consumer meets for the first time.
    fn first_times(
        &mut self,
        consumer: &str,
        events: &[EventId],
    ) -> impl Future<Output = Result<HashSet<EventId>>> + Send;

    /// Was it dealt with?
    fn is_done(&mut self, consumer: &str, event: EventId) -> impl Future<Output = Result<bool>> + Send;

    /// Those of these events that are there.
    fn lookup(
        &mut self,
        named: &[(TenantId, EventId)],
    ) -> impl Future<Output = Result<HashMap<(TenantId, EventId), Envelope>>> + Send;

    /// Puts the event away with its cause.
    fn bury(
        &mut self,
        consumer: &str,
        event: &Envelope,
        cause: &str,
        attempts: u32,
    ) -> impl Future<Output = Result<()>> + Send;

    /// Those of these tenants of whom something waits for this consumer.
    fn parked(
        &mut self,
        consumer: &str,
        tenants: &[TenantId],
    ) -> impl Future<Output = Result<HashSet<TenantId>>> + Send;

    /// Puts an event aside, to wait for its tenant's keys.
    fn park(&mut self, consumer: &str, event: &Envelope) -> impl Future<Output = Result<()>> + Send;

    /// The first that wait of this tenant, held until this ends; none if somebody else holds the first.
    fn claim_parked(
        &mut self,
        consumer: &str,
        tenant: TenantId,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Parked>>> + Send;

    /// Those that were claimed, up to this place, wait no more.
    fn remove_parked(
        &mut self,
        consumer: &str,
        tenant: TenantId,
        to: Position,
    ) -> impl Future<Output = Result<()>> + Send;

    /// It could not be applied, and waits on.
    fn blame_parked(&mut self, consumer: &str, event: &Envelope) -> impl Future<Output = Result<()>> + Send;

    /// Commits. After an error nobody knows whether it was.
    fn commit(self) -> impl Future<Output = Result<()>> + Send;

    /// Ends it as if it had never begun. What it held is free by then; behind one that is dropped it is a moment later.
    fn roll_back(self) -> impl Future<Output = Result<()>> + Send;
}

impl Ledger for Db {
    type Tx = SystemTx;

    async fn begin(&self, reason: Reason) -> Result<SystemTx> {
        self.system(reason).await
    }

    fn holds_keys(&self, tenant: TenantId) -> bool {
        Self::holds_keys(self, tenant)
    }

    async fn ask_keys(&self, tenant: TenantId) -> Result<(), KeyError> {
        self.keys(tenant).await.map(drop)
    }

    async fn gather_keys(&self, tenants: Vec<TenantId>) -> Result<HashSet<TenantId>, KeyError> {
        Self::gather_keys(self, tenants).await
    }
}

impl Page for SystemTx {
    fn now(&self) -> DateTime<Utc> {
        Self::now(self)
    }

    async fn cursor(&mut self, consumer: &str) -> Result<Position> {
        store::cursor(self, consumer).await
    }

    async fn next(&mut self, after: Position, limit: usize) -> Result<Batch> {
        store::next(self, after, limit).await
    }

    async fn take_cursor(&mut self, consumer: &str, at: Position) -> Result<bool> {
        store::take_cursor(self, consumer, at).await
    }

    async fn move_cursor(&mut self, consumer: &str, to: Position) -> Result<()> {
        store::move_cursor(self, consumer, to).await
    }

    async fn hurry(&mut self) -> Result<()> {
        store::hurry(self).await
    }

    async fn first_time(&mut self, consumer: &str, event: EventId) -> Result<bool> {
        store::first_time(self, consumer, event).await
    }

    async fn first_times(&mut self, consumer: &str, events: &[EventId]) -> Result<HashSet<EventId>> {
        store::first_times(self, consumer, events).await
    }

    async fn is_done(&mut self, consumer: &str, event: EventId) -> Result<bool> {
        store::records::is_done(self, consumer, event).await
    }

    async fn lookup(&mut self, named: &[(TenantId, EventId)]) -> Result<HashMap<(TenantId, EventId), Envelope>> {
        store::records::lookup(self, named).await
    }

    async fn bury(&mut self, consumer: &str, event: &Envelope, cause: &str, attempts: u32) -> Result<()> {
        store::letters::bury(self, consumer, event, cause, attempts).await
    }

    async fn parked(&mut self, consumer: &str, tenants: &[TenantId]) -> Result<HashSet<TenantId>> {
        store::parked::lookup(self, consumer, tenants).await
    }

    async fn park(&mut self, consumer: &str, event: &Envelope) -> Result<()> {
        store::parked::insert(self, consumer, event).await
    }

    async fn claim_parked(&mut self, consumer: &str, tenant: TenantId, limit: usize) -> Result<Vec<Parked>> {
        store::parked::claim(self, consumer, tenant, limit).await
    }

    async fn remove_parked(&mut self, consumer: &str, tenant: TenantId, to: Position) -> Result<()> {
        store::parked::remove(self, consumer, tenant, to).await
    }

    async fn blame_parked(&mut self, consumer: &str, event: &Envelope) -> Result<()> {
        store::parked::blame(self, consumer, event).await
    }

    async fn commit(self) -> Result<()> {
        Self::commit(self).await
    }

    async fn roll_back(self) -> Result<()> {
        Self::roll_back(self).await
    }
}
