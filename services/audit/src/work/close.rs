//! Closes what lies open: entries from before addresses were sealed alone have theirs a second time in the clear. Each is given
//! the mark that it is found by, and the address beside it is cleared. A release before this one, as long as it runs somewhere, goes on
//! writing addresses, so the worker goes on looking.
//!
//! A step is one commit; it may die anywhere, and goes on where it was. What counts is the address that is sealed: where none opens any
//! more, there is no mark either. Entries from before the tree have nothing sealed but their changes: their address is gone with this.

use std::time::Duration;

use crypto::{KeyError, TenantKeys};
use db::Reason;
use ids::TenantId;

use crate::entry::{Entry, FROM};
use crate::state::Audit;
use crate::store::events;

/// A search opens all that lies open, so none stays so for long.
pub const LOOK: Duration = Duration::from_mins(1);
/// Entries per commit.
const STEP: i64 = 500;

/// Closes all there are, and says that there is no more. Where a tenant's keys are away, the others go on.
pub async fn round(audit: &Audit) -> Result<bool, fault::Error> {
    let mut after = None;
    loop {
        let mut tx = audit.db.system(Reason::Housekeeping).await?;
        let next = events::next_open(&mut tx, after).await?;
        drop(tx);
        let Some(tenant) = next else { return Ok(false) };
        after = Some(tenant);
        loop {
            match step(audit, tenant, STEP).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    tracing::warn!(%tenant, ?error, "addresses stay open for now");
                    break;
                }
            }
        }
    }
}

/// One commit: true if there may be more.
pub async fn step(audit: &Audit, tenant: TenantId, limit: i64) -> Result<bool, fault::Error> {
    match audit.db.keys(tenant).await {
        Ok(_) | Err(KeyError::Destroyed) => {}
        Err(error) => return Err(error.into()),
    }
    let mut tx = audit.db.system(Reason::Housekeeping).await?;
    let entries = events::open(&mut tx, tenant, limit).await?;
    let keys = tx.keys(tenant);
    let marks = entries.iter().map(|entry| Ok((entry.seq, mark(entry, &keys)?)));
    let marks = marks.collect::<Result<Vec<_>, KeyError>>()?;
    events::close(&mut tx, tenant, &marks).await?;
    tx.commit().await?;
    Ok(i64::try_from(marks.len()).is_ok_and(|closed| closed >= limit))
}

fn mark(entry: &Entry, keys: &Result<TenantKeys, KeyError>) -> Result<Option<i16>, KeyError> {
    let opened = entry.open(keys.as_ref().map_err(KeyError::clone))?;
    let address = opened.filter(|_| entry.salted).and_then(|opened| opened.address());
    match (address, keys) {
        (Some(address), Ok(keys)) => FROM.mark(keys, &address).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests;
