//! What is asked of the database beside what the platform asks: the peer's rows, and how far the log is.

use chrono::{DateTime, Utc};
use ids::TenantId;
use ids::uuid::Uuid;
use sqlx::{Connection, Executor, Result};

/// A connection of the superuser's.
pub type Sql = sqlx::PgConnection;

/// A table as anybody would make it.
pub async fn make_plain(sql: &mut Sql) -> Result<()> {
    sql.execute(
        "create table public.plain (
             id uuid primary key, tenant_id uuid not null, time timestamptz not null, content text not null
         )",
    )
    .await?;
    Ok(())
}

/// One row, one commit.
pub async fn insert_plain(
    sql: &mut Sql,
    (id, tenant): (Uuid, TenantId),
    time: DateTime<Utc>,
    content: &str,
) -> Result<()> {
    sqlx::query("insert into public.plain (id, tenant_id, time, content) values ($1, $2, $3, $4)")
        .bind(id)
        .bind(tenant)
        .bind(time)
        .bind(content)
        .execute(sql)
        .await?;
    Ok(())
}

/// Each turn begins behind a checkpoint of the database's own, so that none pays for what another wrote.
pub async fn settle(sql: &mut Sql) -> Result<()> {
    sql.execute("checkpoint").await?;
    Ok(())
}

/// How far a tenant's log is.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Reached {
    pub tenant_id: TenantId,
    /// Entries in it.
    pub seq: i64,
    /// Entries that a signed checkpoint covers.
    pub size: i64,
}

pub async fn reached(sql: &mut Sql) -> Result<Vec<Reached>> {
    sqlx::query_as(
        "select h.tenant_id, h.seq, coalesce(t.size, 0) as size
         from audit.heads h left join audit.trees t using (tenant_id)",
    )
    .fetch_all(sql)
    .await
}

/// Number and time of each entry.
pub async fn entries(sql: &mut Sql) -> Result<Vec<(TenantId, i64, DateTime<Utc>)>> {
    sqlx::query_as("select tenant_id, seq, time from audit.events")
        .fetch_all(sql)
        .await
}

/// Bytes that the server has written ahead, and how often it made sure that they are on the disk.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Written {
    pub bytes: i64,
    pub syncs: i64,
}

/// What a backend has counted shows when it ends: to be asked when nobody is connected any more.
pub async fn written(sql: &mut Sql) -> Result<Written> {
    sqlx::query_as("select wal_bytes::bigint as bytes, wal_sync as syncs from pg_stat_wal")
        .fetch_one(sql)
        .await
}

pub async fn close(sql: Sql) -> Result<()> {
    sql.close().await
}
