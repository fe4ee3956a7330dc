//! The keys that tenants keep themselves are asked once a minute whether they still unwrap, so that a tenant sees how its key
//! fares and since when. Their tokens are renewed each hour.
//!
//! Nothing depends on it: whoever needs a key asks for it. Each tenant is asked by itself, so that one whose server answers
//! nothing keeps nobody else waiting.

use std::time::Duration;

use auth::action::tenant_key;
use auth::{Action, Caller};
use chrono::TimeDelta;
use crypto::{KeyError, Keyring, WrappedKeys};
use db::{AuditEvent, AuditOutcome, Db, Reason};
use futures::StreamExt;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::store;
use crate::store::external_keys::Due;

const PERIOD: Duration = Duration::from_secs(10);
/// How long after it was asked a key is asked again.
const AGE: TimeDelta = TimeDelta::seconds(60);
/// How often a token is renewed.
const RENEWAL: TimeDelta = TimeDelta::hours(1);
const BATCH: i64 = 100;
const AT_ONCE: usize = 32;
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks every few seconds who is due, until `shutdown`.
pub async fn run(db: Db, shutdown: CancellationToken) {
    loop {
        let round = async {
            if let Err(error) = check(&db).await {
                tracing::warn!(%error, "the keys that tenants keep are not asked");
            }
            tokio::time::sleep(PERIOD).await;
        };
        tokio::select! { () = shutdown.cancelled() => return, () = round => {} }
    }
}

/// Asks those that are due.
pub async fn check(db: &Db) -> Result<(), fault::Error> {
    let Some(ring) = db.keyring() else { return Ok(()) };
    loop {
        let mut tx = db.system(Reason::Reconcile).await?;
        let before = tx.now() - AGE;
        let due = store::external_keys::claim(&mut tx, before, BATCH).await?;
        if due.is_empty() {
            return Ok(());
        }
        tx.commit().await?;
        let each = futures::stream::iter(due);
        each.for_each_concurrent(AT_ONCE, |due| async move {
            if let Err(error) = check_one(db, ring, &due).await {
                tracing::warn!(tenant = %due.tenant_id, %error, "how a tenant's key fares is not known");
            }
        })
        .await;
    }
}

async fn check_one(db: &Db, ring: &Keyring, due: &Due) -> Result<(), fault::Error> {
    let mut tx = db.system(Reason::Reconcile).await?;
    let kept = db::wrapped_keys(tx.sql(), due.tenant_id).await?;
    drop(tx);
    let Some(kept) = kept.filter(|kept| kept.tenant.external.is_some()) else {
        return Ok(());
    };
    let asked = tokio::time::timeout(PATIENCE, ring.ask_external(&kept)).await;
    let cause = match asked {
        Ok(Ok(())) => None,
        Ok(Err(KeyError::External(cause))) => Some(cause),
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some("it takes too long".to_owned()),
    };
    let renew = cause.is_none() && db.clock().now() - due.renewed_at >= RENEWAL;
    if renew {
        renew_token(ring, &kept).await;
    }
    let mut tx = db.system(Reason::Reconcile).await?;
    if !store::external_keys::note(&mut tx, due, cause.as_deref(), renew).await? {
        return Ok(());
    }
    let (before, after) = (due.state.as_str(), if cause.is_some() { "away" } else { "ok" });
    if before != after {
        tracing::warn!(tenant = %due.tenant_id, cause, "the key that a tenant keeps itself is {after}");
        let worker = Caller::worker(due.tenant_id, "tenant-keys");
        let changes = json!({ "state": { "before": before, "after": after } });
        let object = format!("tenant_key:{}", due.tenant_id);
        let (name, success) = (tenant_key::Modify::INFO.name, AuditOutcome::Success);
        let entry = AuditEvent::of(&worker, tx.now(), name, object, success, changes);
        tx.record(due.tenant_id, &entry)?;
    }
    Ok(tx.commit().await?)
}

/// Not every token can be renewed; one that cannot says by its end that it could not.
async fn renew_token(ring: &Keyring, kept: &WrappedKeys) {
    let Some(external) = &kept.tenant.external else { return };
    let renewed = match ring.providers().of_tenant(kept.tenant.tenant, external) {
        Ok(provider) => provider.renew().await.map_err(KeyError::from),
        Err(error) => Err(error),
    };
    if let Err(error) = renewed {
        tracing::info!(tenant = %kept.tenant.tenant, %error, "a tenant's token was not renewed");
    }
}

#[cfg(test)]
mod tests;
