//! `bus.parked`: what waits until the keys of its tenant are back.

use std::collections::HashSet;

use db::{Result, SystemTx};
use ids::TenantId;

use super::OutboxRow;
use crate::park::Parked;
use crate::{Envelope, Position};

#[derive(sqlx::FromRow)]
struct ParkedRow {
    #[sqlx(flatten)]
    event: OutboxRow,
    attempts: i32,
}

/// Those of these tenants of whom something waits.
pub(crate) async fn lookup(tx: &mut SystemTx, consumer: &str, tenants: &[TenantId]) -> Result<HashSet<TenantId>> {
    let found: Vec<TenantId> = sqlx::query_scalar(
        "select t.tenant_id from unnest($2::uuid[]) as t (tenant_id)
         where exists (select from bus.parked p where p.consumer = $1 and p.tenant_id = t.tenant_id)",
    )
    .bind(consumer)
    .bind(tenants)
    .fetch_all(tx.sql())
    .await?;
    Ok(found.into_iter().collect())
}

/// Everybody of whom something waits. From one tenant to the next, however much waits of each.
pub(crate) async fn tenants(tx: &mut SystemTx, consumer: &str) -> Result<Vec<TenantId>> {
    let found = sqlx::query_scalar(
        "with recursive each as (
             (select tenant_id from bus.parked where consumer = $1 order by tenant_id limit 1)
             union all
             select (select p.tenant_id from bus.parked p where p.consumer = $1 and p.tenant_id > each.tenant_id
                     order by p.tenant_id limit 1)
             from each where each.tenant_id is not null
         )
         select tenant_id from each where tenant_id is not null",
    )
    .bind(consumer)
    .fetch_all(tx.sql())
    .await?;
    Ok(found)
}

pub(crate) async fn insert(tx: &mut SystemTx, consumer: &str, event: &Envelope) -> Result<()> {
    sqlx::query(
        "insert into bus.parked (tenant_id, consumer, xact, seq, event_id, kind, version, subject, project_id, request_id,
                                 data, time)
         values ($1, $2, $3::text::xid8, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(event.tenant)
    .bind(consumer)
    .bind(event.position.xact.to_string())
    .bind(event.position.seq)
    .bind(event.id)
    .bind(&event.kind)
    .bind(i32::try_from(event.version).unwrap_or(i32::MAX))
    .bind(&event.subject)
    .bind(event.project)
    .bind(event.request)
    .bind(&event.data)
    .bind(event.time)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The first of what waits of this tenant, held until the transaction ends, and what follows it. Nothing while somebody else
/// holds the first: without it nobody takes what follows.
pub(crate) async fn claim(tx: &mut SystemTx, consumer: &str, tenant: TenantId, limit: usize) -> Result<Vec<Parked>> {
    let first: Option<i64> = sqlx::query_scalar(
        "select p.seq from bus.parked p
         where p.tenant_id = $1 and p.consumer = $2
           and (p.xact, p.seq) = (select xact, seq from bus.parked where tenant_id = $1 and consumer = $2
                                  order by xact, seq limit 1)
         for update skip locked",
    )
    .bind(tenant)
    .bind(consumer)
    .fetch_optional(tx.sql())
    .await?;
    if first.is_none() {
        return Ok(Vec::new());
    }
    let rows: Vec<ParkedRow> = sqlx::query_as(
        "select tenant_id, event_id, xact::text as xact, seq, kind, version, subject, project_id, request_id, data, time,
                true as settled, attempts
         from bus.parked where tenant_id = $1 and consumer = $2 order by xact, seq limit $3",
    )
    .bind(tenant)
    .bind(consumer)
    .bind(i64::try_from(limit).unwrap_or(i64::MAX))
    .fetch_all(tx.sql())
    .await?;
    let parked = |row: ParkedRow| Parked {
        event: row.event.into(),
        attempts: row.attempts.unsigned_abs(),
    };
    Ok(rows.into_iter().map(parked).collect())
}

/// What was claimed up to here is dealt with.
pub(crate) async fn remove(tx: &mut SystemTx, consumer: &str, tenant: TenantId, to: Position) -> Result<()> {
    sqlx::query(
        "delete from bus.parked where tenant_id = $1 and consumer = $2 and (xact, seq) <= ($3::text::xid8, $4)",
    )
    .bind(tenant)
    .bind(consumer)
    .bind(to.xact.to_string())
    .bind(to.seq)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// One attempt more.
pub(crate) async fn blame(tx: &mut SystemTx, consumer: &str, event: &Envelope) -> Result<()> {
    sqlx::query(
        "update bus.parked set attempts = attempts + 1
         where tenant_id = $1 and consumer = $2 and xact = $3::text::xid8 and seq = $4",
    )
    .bind(event.tenant)
    .bind(consumer)
    .bind(event.position.xact.to_string())
    .bind(event.position.seq)
    .execute(tx.sql())
    .await?;
    Ok(())
}
