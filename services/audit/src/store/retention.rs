//! `audit.retention`, `audit.holds`, and the erasing of what entries tell.

use auth::Action;
use auth::action::{audit_hold, audit_retention};
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{AuditHoldId, TenantId};
use web::Window;

use crate::retention::{Hold, NewHold, Retention};

#[derive(sqlx::FromRow)]
struct HoldRow {
    hold_id: AuditHoldId,
    name: String,
    reason: String,
    created_at: DateTime<Utc>,
    created_by: String,
    lifted_at: Option<DateTime<Utc>>,
    lifted_by: Option<String>,
}

impl From<HoldRow> for Hold {
    fn from(row: HoldRow) -> Self {
        Self {
            id: row.hold_id,
            name: row.name,
            reason: row.reason,
            created_at: row.created_at,
            created_by: row.created_by,
            lifted: row.lifted_at.zip(row.lifted_by),
        }
    }
}

#[derive(sqlx::FromRow)]
struct RetentionRow {
    days: i32,
    generation: i64,
    updated_at: DateTime<Utc>,
}

impl From<RetentionRow> for Retention {
    fn from(row: RetentionRow) -> Self {
        Self {
            days: row.days,
            generation: row.generation,
            updated_at: Some(row.updated_at),
        }
    }
}

/// What the tenant decided, or what goes without saying.
pub async fn read<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<Retention> {
    let row: Option<RetentionRow> =
        sqlx::query_as("select days, generation, updated_at from audit.retention where tenant_id = $1")
            .bind(tenant.id)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map_or_else(Retention::default, Retention::from))
}

/// Makes a tenant's row if there is none, and holds it: whoever holds it knows that nothing is erased meanwhile, and whoever
/// erases that no hold comes up meanwhile.
async fn hold_row(sql: &mut sqlx::PgConnection, tenant: TenantId) -> Result<i32> {
    sqlx::query("insert into audit.retention (tenant_id, generation) values ($1, 0) on conflict do nothing")
        .bind(tenant)
        .execute(&mut *sql)
        .await?;
    let days = sqlx::query_scalar("select days from audit.retention where tenant_id = $1 for update")
        .bind(tenant)
        .fetch_one(sql)
        .await?;
    Ok(days)
}

/// Nobody changes how long this tenant's log is kept, sets a hold or erases before the end of the transaction.
pub async fn hold<A: Action>(tx: &mut Change<A>, tenant: &Granted<Tenant, A>) -> Result<()> {
    hold_row(tx.sql(), tenant.id).await.map(drop)
}

/// Keeps what the tenant decided.
pub async fn set(
    tx: &mut Change<audit_retention::Modify>,
    tenant: &Granted<Tenant, audit_retention::Modify>,
    days: i32,
) -> Result<Retention> {
    let now = tx.now();
    let row: RetentionRow = sqlx::query_as(
        "update audit.retention set days = $2, generation = generation + 1, updated_at = $3 where tenant_id = $1
         returning days, generation, updated_at",
    )
    .bind(tenant.id)
    .bind(days)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// How many holds are on.
pub async fn holds_on<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<i64> {
    let count = sqlx::query_scalar("select count(*) from audit.holds where tenant_id = $1 and lifted_at is null")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(count)
}

macro_rules! hold_columns {
    () => {
        "hold_id, name, reason, created_at, created_by, lifted_at, lifted_by"
    };
}

/// Sets a hold.
pub async fn insert(
    tx: &mut Change<audit_hold::Create>,
    tenant: &Granted<Tenant, audit_hold::Create>,
    new: &NewHold,
) -> Result<Hold> {
    let (now, by) = (tx.now(), tx.caller().principal().to_string());
    let row: HoldRow = sqlx::query_as(concat!(
        "insert into audit.holds (tenant_id, hold_id, name, reason, created_at, created_by)
         values ($1, $2, $3, $4, $5, $6) returning ",
        hold_columns!()
    ))
    .bind(tenant.id)
    .bind(AuditHoldId::mint())
    .bind(&new.name)
    .bind(&new.reason)
    .bind(now)
    .bind(by)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// A window of the tenant's holds, newest first.
pub async fn list(
    tx: &mut Read<audit_hold::List>,
    tenant: &Granted<Tenant, audit_hold::List>,
    window: &Window,
) -> Result<Vec<Hold>, fault::Error> {
    let rows: Vec<HoldRow> = sqlx::query_as(concat!(
        "select ",
        hold_columns!(),
        " from audit.holds where tenant_id = $1 and ($2::uuid is null or hold_id < $2) order by hold_id desc limit $3"
    ))
    .bind(tenant.id)
    .bind(window.after::<AuditHoldId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Hold::from).collect())
}

/// A hold, locked until the end of the transaction.
pub async fn hold_one(
    tx: &mut Change<audit_hold::Lift>,
    tenant: &Granted<Tenant, audit_hold::Lift>,
    id: AuditHoldId,
) -> Result<Option<Hold>> {
    let row: Option<HoldRow> = sqlx::query_as(concat!(
        "select ",
        hold_columns!(),
        " from audit.holds where tenant_id = $1 and hold_id = $2 for update"
    ))
    .bind(tenant.id)
    .bind(id)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Hold::from))
}

/// Lifts a hold.
pub async fn lift(
    tx: &mut Change<audit_hold::Lift>,
    tenant: &Granted<Tenant, audit_hold::Lift>,
    id: AuditHoldId,
) -> Result<Hold> {
    let (now, by) = (tx.now(), tx.caller().principal().to_string());
    let row: HoldRow = sqlx::query_as(concat!(
        "update audit.holds set lifted_at = $3, lifted_by = $4 where tenant_id = $1 and hold_id = $2 returning ",
        hold_columns!()
    ))
    .bind(tenant.id)
    .bind(id)
    .bind(now)
    .bind(by)
    .fetch_one(tx.sql())
    .await?;
    Ok(row.into())
}

/// The tenants that have a log, behind this one.
pub async fn tenants(tx: &mut SystemTx, after: Option<TenantId>, limit: i64) -> Result<Vec<TenantId>> {
    let tenants = sqlx::query_scalar(
        "select tenant_id from audit.heads where $1::uuid is null or tenant_id > $1 order by tenant_id limit $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(tenants)
}

/// What one step erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Erased {
    /// So many entries.
    pub entries: i64,
    /// The first of them.
    pub first: Option<i64>,
    /// The last of them.
    pub last: Option<i64>,
}

/// Is anything of this tenant old enough to be erased? Asked without a lock, so that tenants of whom nothing is are passed by.
pub async fn is_due(tx: &mut SystemTx, tenant: TenantId) -> Result<bool> {
    let now = tx.now();
    let due = sqlx::query_scalar(
        "select exists (
             select from audit.events e
             where e.tenant_id = $1 and e.changes is not null
               and e.time < $2 - make_interval(days => coalesce((select r.days from audit.retention r where r.tenant_id = $1), 365))
         ) and not exists (select from audit.holds h where h.tenant_id = $1 and h.lifted_at is null)",
    )
    .bind(tenant)
    .bind(now)
    .fetch_one(tx.sql())
    .await?;
    Ok(due)
}

/// Erases what the oldest entries tell that are older than the tenant's log is kept; nothing while a hold is on.
pub async fn erase(tx: &mut SystemTx, tenant: TenantId, limit: i64) -> Result<Erased> {
    let now = tx.now();
    let days = hold_row(tx.sql(), tenant).await?;
    let erased = sqlx::query_as(
        "with due as (
             select e.seq from audit.events e
             where e.tenant_id = $1 and e.changes is not null and e.time < $2 - make_interval(days => greatest($3, 180))
               and not exists (select from audit.holds h where h.tenant_id = $1 and h.lifted_at is null)
             order by e.time limit $4
         ), erased as (
             update audit.events e set changes = null, ip = null, ip_index = null from due
             where e.tenant_id = $1 and e.seq = due.seq returning e.seq
         )
         select count(*) as entries, min(seq) as first, max(seq) as last from erased",
    )
    .bind(tenant)
    .bind(now)
    .bind(days)
    .bind(limit)
    .fetch_one(tx.sql())
    .await?;
    Ok(erased)
}
