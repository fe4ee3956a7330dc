//! What the log knows of itself, for those who must show it.

use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Result, Tenant};

/// Larger numbers are not counted out.
const MOST: i64 = 10_000;

/// What the log knows of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Facts {
    /// How many entries it has.
    pub entries: i64,
    /// Since when the first entry waits that no checkpoint covers.
    pub waits_since: Option<DateTime<Utc>>,
    /// Attempts that were refused.
    pub refused: i64,
    /// Sign-ins.
    pub sign_ins: i64,
    /// Second factors that were shown or asked for at the door.
    pub challenges: i64,
    /// What platform operators did in the tenant's content.
    pub operators: i64,
}

/// Counted from `since` on, and up to ten thousand.
pub async fn facts(
    tx: &mut Read<audit::Read>,
    tenant: &Granted<Tenant, audit::Read>,
    since: DateTime<Utc>,
) -> Result<Facts> {
    let facts = sqlx::query_as(
        "select
             coalesce((select seq from audit.heads where tenant_id = $1), 0) as entries,
             (select recorded_at from audit.events where tenant_id = $1 and seq > coalesce(
                 (select size from audit.checkpoints where tenant_id = $1 order by size desc limit 1), 0)
              order by seq limit 1) as waits_since,
             (select count(*) from (select from audit.events
                 where tenant_id = $1 and outcome = 'denied' and time >= $2 limit $3) x) as refused,
             (select count(*) from (select from audit.events
                 where tenant_id = $1 and action = 'session.create' and outcome = 'success' and time >= $2 limit $3) x) as sign_ins,
             (select count(*) from (select from audit.events
                 where tenant_id = $1 and action = 'session.challenge' and time >= $2 limit $3) x) as challenges,
             (select count(*) from (select from audit.events
                 where tenant_id = $1 and actor >= 'operator:' and actor < 'operator;' and time >= $2 limit $3) x) as operators",
    )
    .bind(tenant.id)
    .bind(since)
    .bind(MOST)
    .fetch_one(tx.sql())
    .await?;
    Ok(facts)
}

/// How many entries the tenant's log has.
pub async fn entries(tx: &mut Read<audit::Read>, tenant: &Granted<Tenant, audit::Read>) -> Result<i64> {
    let entries = sqlx::query_scalar("select coalesce((select seq from audit.heads where tenant_id = $1), 0)")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(entries)
}
