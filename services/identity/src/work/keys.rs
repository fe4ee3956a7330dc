//! Tenant keys that another provider wrapped are wrapped anew by the present one, and the list of destroyed keys outside the
//! database is brought up to what the database says.
//!
//! Each key is exchanged in a commit of its own, against the very bytes that were read: whatever dies in between, the row
//! holds a key that one of the providers unwraps, and the next round goes on.

use std::time::Duration;

use crypto::Keyring;
use db::{Db, Reason};
use ids::TenantId;
use tokio_util::sync::CancellationToken;

use crate::store;

const PERIOD: Duration = Duration::from_mins(1);
/// Keys per claim: the rows are held while they are read, not while the provider is asked.
const BATCH: i64 = 50;

/// Looks once a minute until `shutdown`.
pub async fn run(db: Db, shutdown: CancellationToken) {
    let Some(ring) = db.keyring().cloned() else { return };
    loop {
        if let Err(error) = note_destroyed(&db, &ring).await {
            tracing::error!(%error, "the list of destroyed keys is behind");
        }
        match rewrap(&db, &ring).await {
            Ok(0) => {}
            Ok(done) => tracing::info!(done, "tenant keys were wrapped anew"),
            Err(error) => tracing::warn!(%error, "tenant keys wait to be wrapped anew"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Wraps anew what another provider wrapped; how many keys that were. One that cannot be unwrapped holds up no other.
pub async fn rewrap(db: &Db, ring: &Keyring) -> Result<u64, fault::Error> {
    let current = ring.providers().current().name();
    let (mut done, mut after) = (0, TenantId::from_uuid(ids::uuid::Uuid::nil()));
    loop {
        let mut tx = db.system(Reason::Reconcile).await?;
        let some = store::tenant_keys::behind(&mut tx, current, after, BATCH).await?;
        drop(tx);
        let Some(last) = some.last() else { return Ok(done) };
        after = last.tenant;
        for read in &some {
            let new = match ring.rewrapped(read).await {
                Ok(new) => new,
                Err(error) => {
                    tracing::warn!(tenant = %read.tenant, provider = read.provider, %error, "a tenant key cannot be wrapped anew");
                    continue;
                }
            };
            let mut tx = db.system(Reason::Reconcile).await?;
            done += u64::from(store::tenant_keys::exchange(&mut tx, read, &new).await?);
            tx.commit().await?;
        }
    }
}

/// Puts on the list what is missing there: whoever destroyed a key may have died before.
pub async fn note_destroyed(db: &Db, ring: &Keyring) -> Result<(), fault::Error> {
    let mut tx = db.system(Reason::Reconcile).await?;
    let destroyed = store::tenant_keys::destroyed(&mut tx).await?;
    drop(tx);
    for (tenant, at) in destroyed {
        if !ring.destroyed().holds(tenant)? {
            ring.destroyed().add(tenant, at).map_err(fault::Error::internal)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
