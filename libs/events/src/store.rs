use auth::Action;
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::{EventId, ProjectId, TenantId};

use crate::{Envelope, Position};

#[derive(sqlx::FromRow)]
struct OutboxRow {
    tenant_id: TenantId,
    event_id: EventId,
    xact: String,
    seq: i64,
    kind: String,
    subject: String,
    project_id: Option<ProjectId>,
    data: serde_json::Value,
    time: DateTime<Utc>,
}

impl From<OutboxRow> for Envelope {
    fn from(row: OutboxRow) -> Self {
        Self {
            id: row.event_id,
            tenant: row.tenant_id,
            position: Position { xact: row.xact.parse().unwrap_or(u64::MAX), seq: row.seq },
            kind: row.kind,
            subject: row.subject,
            project: row.project_id,
            data: row.data,
            time: row.time,
        }
    }
}

/// The position behind the newest event that can be read: where a stream without a past begins.
pub async fn head<A: Action>(tx: &mut Read<A>) -> Result<Position> {
    let xmin: String =
        sqlx::query_scalar("select pg_snapshot_xmin(pg_current_snapshot())::text").fetch_one(tx.sql()).await?;
    Ok(Position { xact: xmin.parse().unwrap_or_default(), seq: 0 })
}

/// The caller's tenant's events behind `after`, in order, audit entries left out.
pub async fn since<A: Action>(tx: &mut Read<A>, after: Position, limit: i64) -> Result<Vec<Envelope>> {
    let tenant = tx.tenant_id();
    let rows: Vec<OutboxRow> = sqlx::query_as(
        "select tenant_id, event_id, xact::text as xact, seq, kind, subject, project_id, data, time
         from bus.outbox
         where tenant_id = $1 and (xact, seq) > ($2::text::xid8, $3)
           and xact < pg_snapshot_xmin(pg_current_snapshot()) and kind <> 'audit.recorded'
         order by xact, seq limit $4",
    )
    .bind(tenant)
    .bind(after.xact.to_string())
    .bind(after.seq)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(Envelope::from).collect())
}

/// Takes the consumer's place in the feed, unless another process holds it.
pub(crate) async fn take_cursor(tx: &mut SystemTx, consumer: &str) -> Result<Option<Position>> {
    sqlx::query("insert into bus.cursors (consumer) values ($1) on conflict do nothing")
        .bind(consumer)
        .execute(tx.sql())
        .await?;
    let row: Option<(String, i64)> = sqlx::query_as(
        "select xact::text, seq from bus.cursors where consumer = $1 for update skip locked",
    )
    .bind(consumer)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|(xact, seq)| Position { xact: xact.parse().unwrap_or_default(), seq }))
}

pub(crate) async fn move_cursor(tx: &mut SystemTx, consumer: &str, to: Position) -> Result<()> {
    sqlx::query("update bus.cursors set xact = $2::text::xid8, seq = $3 where consumer = $1")
        .bind(consumer)
        .bind(to.xact.to_string())
        .bind(to.seq)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The next events behind `after`, of every tenant.
pub(crate) async fn next(tx: &mut SystemTx, after: Position, limit: i64) -> Result<Vec<Envelope>> {
    let rows: Vec<OutboxRow> = sqlx::query_as(
        "select tenant_id, event_id, xact::text as xact, seq, kind, subject, project_id, data, time
         from bus.outbox
         where (xact, seq) > ($1::text::xid8, $2) and xact < pg_snapshot_xmin(pg_current_snapshot())
         order by xact, seq limit $3",
    )
    .bind(after.xact.to_string())
    .bind(after.seq)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows.into_iter().map(Envelope::from).collect())
}

/// True the first time this consumer meets the event.
pub(crate) async fn first_time(tx: &mut SystemTx, consumer: &str, event: EventId) -> Result<bool> {
    let done = sqlx::query("insert into bus.inbox (consumer, event_id) values ($1, $2) on conflict do nothing")
        .bind(consumer)
        .bind(event)
        .execute(tx.sql())
        .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn savepoint(tx: &mut SystemTx) -> Result<()> {
    sqlx::query("savepoint event").execute(tx.sql()).await?;
    Ok(())
}

pub(crate) async fn back_to_savepoint(tx: &mut SystemTx) -> Result<()> {
    sqlx::query("rollback to savepoint event").execute(tx.sql()).await?;
    Ok(())
}

pub(crate) async fn bury(
    tx: &mut SystemTx,
    consumer: &str,
    event: &Envelope,
    cause: &str,
    attempts: i32,
) -> Result<()> {
    sqlx::query(
        "insert into bus.dead_letters (consumer, event_id, tenant_id, kind, data, cause, attempts)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
    )
    .bind(consumer)
    .bind(event.id)
    .bind(event.tenant)
    .bind(&event.kind)
    .bind(&event.data)
    .bind(cause)
    .bind(attempts)
    .execute(tx.sql())
    .await?;
    Ok(())
}
