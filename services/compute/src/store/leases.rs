//! `compute.leases`: work that only one process may do at a time.
//!
//! A lease is no lock: its holder may be stopped (by the scheduler, by a debugger, by a machine that sleeps) and wake up
//! long after it ran out, still believing that it holds. So nothing is decided by believing. Whoever writes under a lease
//! calls [`holds`] in the same transaction; it locks the lease's row and compares the epoch, which rises with every change
//! of hands. Time is the database's alone.

use db::{Result, SystemTx};
use ids::EventId;

/// A lease that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub resource: &'static str,
    /// Which change of hands.
    pub epoch: i64,
}

/// Takes or renews the lease for `ttl_s` seconds; none while somebody else holds it.
pub async fn take(tx: &mut SystemTx, resource: &'static str, holder: EventId, ttl_s: f64) -> Result<Option<Lease>> {
    let epoch: Option<i64> = sqlx::query_scalar(
        "insert into compute.leases as l (resource, holder, epoch, expires_at)
         values ($1, $2, 1, now() + make_interval(secs => $3))
         on conflict (resource) do update
         set holder = excluded.holder, expires_at = excluded.expires_at,
             epoch = case when l.holder = excluded.holder and l.expires_at > now() then l.epoch else l.epoch + 1 end
         where l.holder = excluded.holder or l.expires_at <= now()
         returning epoch",
    )
    .bind(resource)
    .bind(holder)
    .bind(ttl_s)
    .fetch_optional(tx.sql())
    .await?;
    Ok(epoch.map(|epoch| Lease { resource, epoch }))
}

/// Whether the lease still is what it was when it was taken; until this transaction ends nobody else takes it.
pub async fn holds(tx: &mut SystemTx, lease: &Lease) -> Result<bool> {
    let held: Option<i64> = sqlx::query_scalar(
        "select epoch from compute.leases where resource = $1 and epoch = $2 and expires_at > now() for update",
    )
    .bind(lease.resource)
    .bind(lease.epoch)
    .fetch_optional(tx.sql())
    .await?;
    Ok(held.is_some())
}
