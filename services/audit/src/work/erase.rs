//! Erases what entries tell when they are older than their tenant keeps them; the entries stay, and every proof about them.
//!
//! A step is one commit, with an entry of its own that says what it erased. It may die anywhere, and goes on where it was. While
//! a legal hold is on, nothing is erased: setting one and erasing wait for each other.

use std::time::Duration;

use db::{AuditEvent, AuditOutcome, Reason};
use ids::{EventId, RequestId, TenantId};
use serde_json::json;

use crate::state::Audit;
use crate::store::retention;

/// A day more or less is nobody's right; a minute keeps steps small.
pub const LOOK: Duration = Duration::from_mins(1);
/// Tenants per page.
const MOST: i64 = 500;
/// Entries per commit.
const STEP: i64 = 1_000;

/// Erases all that is due, and says that there is no more.
pub async fn round(audit: &Audit) -> Result<bool, fault::Error> {
    let mut after = None;
    loop {
        let mut tx = audit.db.system(Reason::Housekeeping).await?;
        let page = retention::tenants(&mut tx, after, MOST).await?;
        drop(tx);
        let Some(last) = page.last() else { return Ok(false) };
        after = Some(*last);
        for tenant in page {
            while step(audit, tenant, STEP).await? {}
        }
    }
}

/// One commit: true if there may be more.
pub async fn step(audit: &Audit, tenant: TenantId, limit: i64) -> Result<bool, fault::Error> {
    let mut tx = audit.db.system(Reason::Housekeeping).await?;
    if !retention::is_due(&mut tx, tenant).await? {
        return Ok(false);
    }
    let erased = retention::erase(&mut tx, tenant, limit).await?;
    let Some((first, last)) = erased.first.zip(erased.last) else {
        return Ok(false);
    };
    let entry = AuditEvent {
        id: EventId::mint(),
        time: tx.now(),
        actor: "system:retention".to_owned(),
        credential: None,
        action: "audit.erase".to_owned(),
        object: format!("tenant:{tenant}"),
        outcome: AuditOutcome::Success,
        ip: None,
        request_id: RequestId::mint(),
        changes: json!({"erased": {"entries": erased.entries, "first": first, "last": last}}),
    };
    tx.record(tenant, &entry)?;
    tx.commit().await?;
    Ok(erased.entries == limit)
}

#[cfg(test)]
mod tests;
