//! `keys.tenant_keys` and `keys.data_keys`, as far as they change: everybody else makes keys and counts with them (`libs/db`).

use auth::Action;
use auth::action::{key_provider, tenant};
use chrono::{DateTime, Utc};
use crypto::{WrappedKeys, WrappedTenantKey};
use db::{Change, Granted, Platform, Read, Result, SystemTx, Tenant};
use ids::TenantId;

use super::external_keys::{self, Kept};

/// A tenant's own key, without the key.
#[derive(Debug, sqlx::FromRow)]
pub struct TenantKey {
    pub version: i32,
    pub provider: String,
    pub created_at: DateTime<Utc>,
}

/// A data key, without the key.
#[derive(Debug, sqlx::FromRow)]
pub struct DataKey {
    pub purpose: i16,
    pub epoch: i32,
    pub created_at: DateTime<Utc>,
    pub messages: i64,
}

/// What there is to know of a tenant's keys, and of the key it keeps itself.
pub type Known = (Option<TenantKey>, Vec<DataKey>, Option<Kept>);

/// What there is to know of the tenant's keys; none before the first.
pub async fn list<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<Known> {
    let own = sqlx::query_as("select version, provider, created_at from keys.tenant_keys where tenant_id = $1")
        .bind(tenant.id)
        .fetch_optional(tx.sql())
        .await?;
    let data = sqlx::query_as(
        "select purpose, epoch, created_at, messages from keys.data_keys where tenant_id = $1
         order by purpose, epoch desc",
    )
    .bind(tenant.id)
    .fetch_all(tx.sql())
    .await?;
    let external = external_keys::lookup(tx, tenant).await?;
    Ok((own, data, external))
}

/// The tenant's keys, wrapped.
pub async fn lookup<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<Option<WrappedKeys>> {
    db::wrapped_keys(tx.sql(), tenant.id).await
}

/// Puts the next tenant key in the place of the present one, and the data keys as it wraps them. False if others were quicker:
/// the key is another by now, or there is a data key that is not among these.
pub async fn replace<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    present: &WrappedKeys,
    next: &WrappedKeys,
) -> Result<bool> {
    // Whoever adds a data key holds this row shared, so from here on there are no others.
    let held: Option<i32> = sqlx::query_scalar(
        "select version from keys.tenant_keys where tenant_id = $1 and version = $2 and wrapped is not null for update",
    )
    .bind(tenant.id)
    .bind(present.tenant.version.cast_signed())
    .fetch_optional(tx.sql())
    .await?;
    let now = tx.now();
    let known: i64 = sqlx::query_scalar("select count(*) from keys.data_keys where tenant_id = $1")
        .bind(tenant.id)
        .fetch_one(tx.sql())
        .await?;
    if held.is_none() || usize::try_from(known).ok() != Some(present.data.len()) {
        return Ok(false);
    }
    sqlx::query(
        "update keys.tenant_keys set version = $2, wrapped = $3, provider = $4, created_at = $5 where tenant_id = $1",
    )
    .bind(tenant.id)
    .bind(next.tenant.version.cast_signed())
    .bind(&next.tenant.wrapped)
    .bind(&next.tenant.provider)
    .bind(now)
    .execute(tx.sql())
    .await?;
    for key in &next.data {
        sqlx::query(
            "insert into keys.data_keys (tenant_id, purpose, epoch, wrapped, tenant_key_version, created_at)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (tenant_id, purpose, epoch) do update set wrapped = excluded.wrapped",
        )
        .bind(tenant.id)
        .bind(i16::from(key.purpose.number()))
        .bind(key.epoch.cast_signed())
        .bind(&key.wrapped)
        .bind(next.tenant.version.cast_signed())
        .bind(key.created_at)
        .execute(tx.sql())
        .await?;
    }
    Ok(true)
}

/// Destroys the tenant's key. What is left says that there was one, so that none is ever made again.
pub async fn destroy(tx: &mut Change<tenant::Delete>, tenant: &Granted<Tenant, tenant::Delete>) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into keys.tenant_keys (tenant_id, version, provider, destroyed_at) values ($1, 1, 'none', $2)
         on conflict (tenant_id) do update set wrapped = null, destroyed_at = $2",
    )
    .bind(tenant.id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    external_keys::remove(tx, tenant).await
}

/// Tenants whose key was destroyed, and when.
pub async fn destroyed(tx: &mut SystemTx) -> Result<Vec<(TenantId, DateTime<Utc>)>> {
    let rows = sqlx::query_as("select tenant_id, destroyed_at from keys.tenant_keys where destroyed_at is not null")
        .fetch_all(tx.sql())
        .await?;
    Ok(rows)
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    tenant_id: TenantId,
    version: i32,
    wrapped: Option<Vec<u8>>,
    provider: String,
}

/// Some tenant keys behind this tenant that are wrapped by another provider of the platform than this one. Those that somebody is at are
/// passed over.
pub async fn behind(tx: &mut SystemTx, provider: &str, after: TenantId, at_most: i64) -> Result<Vec<WrappedTenantKey>> {
    let rows: Vec<KeyRow> = sqlx::query_as(
        "select tenant_id, version, wrapped, provider from keys.tenant_keys
         where tenant_id > $1 and provider <> $2 and provider <> $4 and wrapped is not null
         order by tenant_id limit $3 for update skip locked",
    )
    .bind(after)
    .bind(provider)
    .bind(at_most)
    .bind(crypto::EXTERNAL)
    .fetch_all(tx.sql())
    .await?;
    let key = |row: KeyRow| WrappedTenantKey {
        tenant: row.tenant_id,
        version: row.version.unsigned_abs(),
        wrapped: row.wrapped,
        provider: row.provider,
        external: None,
    };
    Ok(rows.into_iter().map(key).collect())
}

/// Puts the same key in its place as another provider wraps it, if it still is the one that was read.
pub async fn exchange(tx: &mut SystemTx, read: &WrappedTenantKey, new: &WrappedTenantKey) -> Result<bool> {
    let done = sqlx::query(
        "update keys.tenant_keys set wrapped = $4, provider = $5
         where tenant_id = $1 and version = $2 and wrapped = $3",
    )
    .bind(read.tenant)
    .bind(read.version.cast_signed())
    .bind(&read.wrapped)
    .bind(&new.wrapped)
    .bind(&new.provider)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many tenant keys each provider holds, and how many were destroyed.
pub async fn by_provider(
    tx: &mut SystemTx,
    _: &Granted<Platform, key_provider::Read>,
) -> Result<(Vec<(String, i64)>, i64)> {
    let held = sqlx::query_as(
        "select provider, count(*) from keys.tenant_keys where wrapped is not null group by provider order by provider",
    )
    .fetch_all(tx.sql())
    .await?;
    let destroyed = sqlx::query_scalar("select count(*) from keys.tenant_keys where wrapped is null")
        .fetch_one(tx.sql())
        .await?;
    Ok((held, destroyed))
}
