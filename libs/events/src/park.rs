//! Events of tenants whose keys are away.
//!
//! A tenant may keep the key of its data itself and take it away, for as long as it likes. What a consumer that seals is told
//! of that tenant meanwhile is put aside, in order, in the commit that marks it as dealt with; others go on. Whatever comes
//! later of the same tenant queues behind it, also once the keys are back: until nothing waits any more, what waits is first.
//!
//! # What it guarantees
//! Per tenant and consumer events are applied in their order, each once: an event is put aside under its inbox row, and goes
//! from there in the commit of its effect. Whoever takes what waits holds the first of it, so that nobody else takes what
//! follows. What waits is a copy: that the bus forgets the event for its age changes nothing.
//!
//! # What it refuses
//! To ask for the keys of whoever has something waiting on behalf of others: only [`drain`] does, for each tenant by itself.
//! So a key server that answers nothing costs its own tenant time, and everybody else a moment once.

use std::collections::HashSet;
use std::time::Duration;

use crypto::KeyError;
use db::{Db, Reason};
use futures::StreamExt;
use ids::TenantId;
use tokio_util::sync::CancellationToken;

use crate::consumer::{ATTEMPTS, newer, together};
use crate::ledger::{Ledger, Page};
use crate::{Consumer, Envelope};

/// How often it is looked for what waits.
const PERIOD: Duration = Duration::from_secs(1);
/// How many tenants are looked after at once.
const AT_ONCE: usize = 32;

/// An event that waits.
#[derive(Debug, Clone)]
pub struct Parked {
    /// The event.
    pub event: Envelope,
    /// How often it could not be applied.
    pub attempts: u32,
}

/// The tenants whose keys must be asked for before a transaction applies what this consumer wants of them.
pub(crate) fn unheld<L: Ledger, C: Consumer<L::Tx>>(
    db: &L,
    tenants: impl Iterator<Item = TenantId>,
    known: &HashSet<TenantId>,
) -> Vec<TenantId> {
    let tenants = tenants.filter(|tenant| C::SEALS && !known.contains(tenant) && !db.holds_keys(*tenant));
    let mut tenants: Vec<_> = tenants.collect();
    tenants.sort_unstable();
    tenants.dedup();
    tenants
}

/// Has tenants' keys at hand, outside of any transaction; those who are away, or have something waiting already. An error if
/// nobody's keys can be reached: then nothing is applied, and nothing put aside.
pub(crate) async fn prepare<L: Ledger, C: Consumer<L::Tx>>(
    db: &L,
    mut tenants: Vec<TenantId>,
) -> Result<HashSet<TenantId>, fault::Error> {
    if tenants.is_empty() {
        return Ok(HashSet::new());
    }
    let mut tx = db.begin(Reason::Relay).await?;
    let mut away = tx.parked(C::NAME, &tenants).await?;
    drop(tx);
    tenants.retain(|tenant| !away.contains(tenant));
    away.extend(db.gather_keys(tenants).await?);
    Ok(away)
}

/// Of events that this transaction has marked as met, those to be applied; the others are put aside.
pub(crate) async fn aside<'a, T: Page, C: Consumer<T>>(
    tx: &mut T,
    away: &HashSet<TenantId>,
    events: Vec<&'a Envelope>,
) -> Result<Vec<&'a Envelope>, fault::Error> {
    if !C::SEALS || events.is_empty() {
        return Ok(events);
    }
    let tenants: HashSet<TenantId> = events.iter().map(|event| event.tenant).collect();
    let tenants: Vec<TenantId> = tenants.into_iter().collect();
    // Asked behind the mark: what another holder of the place has put aside by now is seen here.
    let waiting = tx.parked(C::NAME, &tenants).await?;
    let mut open = Vec::with_capacity(events.len());
    for event in events {
        if away.contains(&event.tenant) || waiting.contains(&event.tenant) {
            tx.park(C::NAME, event).await?;
        } else {
            open.push(event);
        }
    }
    let new: Vec<_> = away
        .iter()
        .filter(|tenant| tenants.contains(tenant) && !waiting.contains(tenant))
        .collect();
    if !new.is_empty() {
        tracing::warn!(consumer = C::NAME, ?new, "events wait for the keys of these tenants");
    }
    Ok(open)
}

/// Applies what waits as soon as its tenant's keys are there, until `shutdown`. Any number of processes may do it.
pub(crate) async fn drain<C: Consumer>(db: &Db, consumer: &C, shutdown: &CancellationToken) {
    if !C::SEALS {
        return;
    }
    loop {
        let round = async {
            match waiting(db, C::NAME).await {
                Ok(tenants) => {
                    let each = futures::stream::iter(tenants);
                    each.for_each_concurrent(AT_ONCE, |tenant| empty(db, consumer, tenant))
                        .await;
                }
                Err(error) => tracing::warn!(consumer = C::NAME, ?error, "what waits cannot be looked for"),
            }
            tokio::time::sleep(PERIOD).await;
        };
        // A round that is dropped is rolled back; what waits still does.
        tokio::select! { () = shutdown.cancelled() => return, () = round => {} }
    }
}

async fn waiting(db: &Db, consumer: &str) -> db::Result<Vec<TenantId>> {
    let mut tx = db.system(Reason::Relay).await?;
    crate::store::parked::tenants(&mut tx, consumer).await
}

async fn empty<C: Consumer>(db: &Db, consumer: &C, tenant: TenantId) {
    loop {
        match unpark(db, consumer, tenant).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(consumer = C::NAME, %tenant, ?error, "a tenant's events wait");
                return;
            }
        }
    }
}

/// Applies some of what waits of this tenant, in order and in one commit; or deals with the first of it, if something fails.
/// True if more may wait and the keys are there.
pub async fn unpark<L: Ledger, C: Consumer<L::Tx>>(
    db: &L,
    consumer: &C,
    tenant: TenantId,
) -> Result<bool, fault::Error> {
    match db.ask_keys(tenant).await {
        // What is wrong for good shows when the events are applied.
        Ok(()) | Err(KeyError::Destroyed | KeyError::Unreadable) => {}
        Err(KeyError::External(cause)) => {
            tracing::debug!(consumer = C::NAME, %tenant, cause, "a tenant's events wait");
            return Ok(false);
        }
        Err(error) => return Err(error.into()),
    }
    match some(db, consumer, tenant, C::AT_ONCE).await {
        Err(error) if !error.is_temporary() => {}
        done => return Ok(done?.is_some_and(|count| count > 0)),
    }
    // One of several failed: the first by itself, so that it shows which.
    let failed = match some(db, consumer, tenant, 1).await {
        Err(error) if !error.is_temporary() => error,
        done => return Ok(done?.is_some()),
    };
    blame(db, tenant, C::NAME, &failed).await?;
    Ok(true)
}

/// How many were applied; none if nothing waits, or somebody else is at it.
async fn some<L: Ledger, C: Consumer<L::Tx>>(
    db: &L,
    consumer: &C,
    tenant: TenantId,
    at_most: usize,
) -> Result<Option<usize>, fault::Error> {
    let mut tx = db.begin(Reason::Consume).await?;
    match first_of(&mut tx, consumer, tenant, at_most).await {
        Ok(Some(count)) => {
            tx.commit().await?;
            Ok(Some(count))
        }
        nothing => {
            // The next try is not to find it held by this one. If that fails, it is free when the connection is gone.
            let ended = tx.roll_back().await;
            nothing.and_then(|none| Ok(ended.map(|()| none)?))
        }
    }
}

async fn first_of<T: Page, C: Consumer<T>>(
    tx: &mut T,
    consumer: &C,
    tenant: TenantId,
    at_most: usize,
) -> Result<Option<usize>, fault::Error> {
    let waiting = tx.claim_parked(C::NAME, tenant, at_most).await?;
    let events: Vec<&Envelope> = waiting.iter().map(|parked| &parked.event).collect();
    let Some((first, last)) = events.first().zip(events.last()) else {
        return Ok(None);
    };
    match events.iter().find_map(|event| newer(consumer, event)) {
        Some(cause) if events.len() == 1 => {
            tracing::error!(consumer = C::NAME, event = %first.id, cause, "an event goes to the dead letters");
            tx.bury(C::NAME, first, &cause, 0).await?;
        }
        Some(cause) => return Err(fault::Error::internal(cause)),
        None => together(tx, consumer, &events).await.map_err(|failed| failed.error)?,
    }
    tx.remove_parked(C::NAME, tenant, last.position).await?;
    Ok(Some(events.len()))
}

/// The first of what waits could not be applied; after so many tries it goes to the dead letters.
async fn blame<L: Ledger>(
    db: &L,
    tenant: TenantId,
    consumer: &'static str,
    failed: &fault::Error,
) -> Result<(), fault::Error> {
    let mut tx = db.begin(Reason::Consume).await?;
    let waiting = tx.claim_parked(consumer, tenant, 1).await?;
    let Some(Parked { event, attempts }) = waiting.first() else {
        return Ok(());
    };
    let attempts = attempts.saturating_add(1);
    if attempts >= ATTEMPTS {
        let cause = format!("{failed:?}");
        tracing::error!(consumer, event = %event.id, cause, "an event goes to the dead letters");
        tx.bury(consumer, event, &cause, attempts).await?;
        tx.remove_parked(consumer, tenant, event.position).await?;
    } else {
        tx.blame_parked(consumer, event).await?;
    }
    Ok(tx.commit().await?)
}
