//! `audit.cosignatures` and `audit.witnesses`.

use auth::action::audit;
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::TenantId;

/// What a witness made of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosigned {
    /// The witness's key.
    pub witness: String,
    /// The line of the note, newline included.
    pub line: String,
    /// When, by the witness's clock.
    pub time: DateTime<Utc>,
}

/// A log whose newest checkpoint a witness has not cosigned.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Owed {
    /// Whose log.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// The size of its newest checkpoint.
    pub size: i64,
    /// The size that the witness cosigned last, as far as is known here; 0 if it never did.
    pub cosigned: i64,
}

/// What a witness owes, of tenants behind this one.
pub async fn owed(tx: &mut SystemTx, witness: &str, after: Option<TenantId>, limit: i64) -> Result<Vec<Owed>> {
    let owed = sqlx::query_as(
        "select t.tenant_id, t.size, coalesce(c.size, 0) as cosigned from audit.trees t
         left join lateral (
             select size from audit.cosignatures
             where tenant_id = t.tenant_id and witness = $1 order by size desc limit 1
         ) c on true
         where t.size > coalesce(c.size, 0) and ($2::uuid is null or t.tenant_id > $2)
         order by t.tenant_id limit $3",
    )
    .bind(witness)
    .bind(after)
    .bind(limit)
    .fetch_all(tx.sql())
    .await?;
    Ok(owed)
}

/// Keeps what a witness made of the checkpoint of this size. Of several the first counts.
pub async fn insert(tx: &mut SystemTx, tenant: TenantId, size: i64, cosigned: &Cosigned) -> Result<()> {
    sqlx::query(
        "insert into audit.cosignatures (tenant_id, size, witness, line, cosigned_at) values ($1, $2, $3, $4, $5)
         on conflict do nothing",
    )
    .bind(tenant)
    .bind(size)
    .bind(&cosigned.witness)
    .bind(&cosigned.line)
    .bind(cosigned.time)
    .execute(tx.sql())
    .await?;
    sqlx::query(
        "insert into audit.witnesses (key, from_time) values ($1, $2)
         on conflict (key) do update set from_time = excluded.from_time where excluded.from_time < witnesses.from_time",
    )
    .bind(&cosigned.witness)
    .bind(cosigned.time)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// How far a tenant's tree has grown.
pub async fn newest(tx: &mut SystemTx, tenant: TenantId) -> Result<i64> {
    let size: Option<i64> = sqlx::query_scalar("select size from audit.trees where tenant_id = $1")
        .bind(tenant)
        .fetch_optional(tx.sql())
        .await?;
    Ok(size.unwrap_or_default())
}

/// A witness that has cosigned, and since when.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct WitnessKey {
    /// `name+id+key`.
    pub key: String,
    /// Its first cosignature.
    pub from_time: DateTime<Utc>,
}

/// The witnesses that have cosigned any log.
pub async fn witnesses(tx: &mut Read<audit::List>, limit: i64) -> Result<Vec<WitnessKey>> {
    let keys = sqlx::query_as("select key, from_time from audit.witnesses order by from_time desc, key limit $1")
        .bind(limit)
        .fetch_all(tx.sql())
        .await?;
    Ok(keys)
}
