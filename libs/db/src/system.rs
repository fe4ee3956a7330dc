use chrono::{DateTime, Utc};
use crypto::{KeyError, Keyring, TenantKeys};
use ids::{EventId, TenantId};
use sqlx::{PgConnection, Postgres, Transaction};

use crate::outbox::{self, Draft, Row};
use crate::sealing::{self, Plain, Sealer};
use crate::{AuditEvent, Event, Result, Wake, reply};

/// Why work crosses tenants. Logged with every such transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The platform's own objects at first start: signing keys, the operator.
    Bootstrap,
    /// A person signs up, signs in or renews a token: the tenant is not known yet.
    SignIn,
    /// A reconciler claims or mends rows.
    Reconcile,
    /// A host asks for its desired set or reports what it sees.
    Host,
    /// The outbox is read and handed on.
    Relay,
    /// A consumer applies an event.
    Consume,
    /// Entries of several tenants share a commit.
    Record,
    /// Old rows go.
    Housekeeping,
    /// A platform operator asks which tenants there are.
    Operator,
    /// A platform operator acts in a tenant's content, which two logs may have to say.
    OperatorAccess,
    /// Somebody who may read a log asks what the register of all logs has.
    Register,
    /// Readiness is asked.
    Health,
}

/// A transaction across tenants. It sees everything, so it lives only in reconcilers, consumers and the few doors that
/// come before a caller is known.
///
/// It has no savepoints: what was emitted before one is rolled back would be sent all the same. Work that may fail in
/// part goes into transactions of its own.
pub struct SystemTx {
    tx: Transaction<'static, Postgres>,
    now: DateTime<Utc>,
    wake: Wake,
    rows: Vec<Row>,
    keyring: Option<Keyring>,
}

impl SystemTx {
    pub(crate) fn new(
        tx: Transaction<'static, Postgres>,
        (now, wake): (DateTime<Utc>, Wake),
        keyring: Option<Keyring>,
    ) -> Self {
        Self {
            tx,
            now,
            wake,
            rows: Vec::new(),
            keyring,
        }
    }

    /// The connection, for `store/` only.
    pub fn sql(&mut self) -> &mut PgConnection {
        &mut self.tx
    }

    /// The time at which it began, by the service's clock.
    pub const fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// A tenant's keys, if they are held: whoever works across tenants asks [`crate::Db::keys`] for those it will need before
    /// it begins.
    pub fn keys(&self, tenant: TenantId) -> Result<TenantKeys, KeyError> {
        self.keyring.as_ref().ok_or_else(crate::pool::no_keys)?.held(tenant)
    }

    /// Hands on an event of `tenant` with the commit.
    pub fn emit<E: Event>(&mut self, tenant: TenantId, event: &E) -> Result<(), fault::Error> {
        self.add(tenant, Draft::of(event)?);
        Ok(())
    }

    /// Writes an audit entry of `tenant` with the commit.
    pub fn record(&mut self, tenant: TenantId, event: &AuditEvent) -> Result<(), fault::Error> {
        let ring = self.keyring.as_ref();
        let (own, entry) = (Sealer::lenient(self.keys(tenant), ring)?, Plain::of(event)?);
        let draft = match Draft::audit(&own, tenant, &[&entry]) {
            Err(KeyError::Exhausted) => Draft::audit(&Sealer::platform(ring)?, tenant, &[&entry])?,
            draft => draft?,
        };
        self.add(tenant, draft);
        Ok(())
    }

    fn add(&mut self, tenant: TenantId, draft: Draft) {
        self.rows.push(draft.of_tenant(tenant, (self.now, None)));
    }

    /// The audit entries that came with this event, opened, in their order. Its tenant's keys must be held.
    pub fn told(
        &self,
        (tenant, id): (TenantId, EventId),
        version: u32,
        data: &serde_json::Value,
    ) -> Result<Vec<AuditEvent>, fault::Error> {
        sealing::opened(self.keyring.as_ref(), (tenant, id), version, data)
    }

    /// Removes some of the service's answers to `Idempotency-Key`s that are older than a day; answers how many.
    pub async fn forget_replies(&mut self, at_most: i64) -> Result<u64> {
        reply::forget(&mut self.tx, at_most).await
    }

    /// Commits with everything emitted and recorded.
    pub async fn commit(mut self) -> Result<()> {
        outbox::insert(&mut self.tx, &self.rows).await?;
        self.tx.commit().await?;
        if !self.rows.is_empty() {
            self.wake.ring();
        }
        Ok(())
    }

    /// Ends it as if it had never begun, and waits until nothing is held any more. One that is dropped lets go a moment later:
    /// whoever skips locked rows would miss what it held.
    pub async fn roll_back(self) -> Result<()> {
        Ok(self.tx.rollback().await?)
    }
}
