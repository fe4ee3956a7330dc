//! `keys.external_keys`: where tenants keep their keys themselves, and how those keys fare.

use auth::Action;
use auth::action::key_provider;
use auth::action::tenant_key::Modify;
use chrono::{DateTime, Utc};
use crypto::ExternalKey;
use db::{Change, Granted, Platform, Read, Result, SystemTx, Tenant};
use ids::TenantId;

/// The longest cause that is kept.
const CAUSE: usize = 500;

/// Where a tenant keeps its key, without the token.
#[derive(Debug, sqlx::FromRow)]
pub struct Kept {
    pub url: String,
    pub mount: String,
    pub key_name: String,
    pub namespace: Option<String>,
    pub has_ca: bool,
    pub set_at: DateTime<Utc>,
    pub state: String,
    pub state_since: DateTime<Utc>,
    pub cause: Option<String>,
    pub checked_at: DateTime<Utc>,
}

/// The tenant's, if it keeps one.
pub async fn lookup<A: Action>(tx: &mut Read<A>, tenant: &Granted<Tenant, A>) -> Result<Option<Kept>> {
    let kept = sqlx::query_as(
        "select url, mount, key_name, namespace, ca is not null as has_ca, set_at, state, state_since, cause, checked_at
         from keys.external_keys where tenant_id = $1",
    )
    .bind(tenant.id)
    .fetch_optional(tx.sql())
    .await?;
    Ok(kept)
}

/// Keeps this one, which has just been proven.
pub async fn put(tx: &mut Change<Modify>, tenant: &Granted<Tenant, Modify>, key: &ExternalKey) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into keys.external_keys as e (tenant_id, url, mount, key_name, namespace, ca, token, set_at, state_since,
                                              checked_at, renewed_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $8, $8)
         on conflict (tenant_id) do update
         set url = $2, mount = $3, key_name = $4, namespace = $5, ca = $6, token = $7, set_at = $8,
             generation = e.generation + 1, state = 'ok', state_since = $8, cause = null, checked_at = $8, renewed_at = $8",
    )
    .bind(tenant.id)
    .bind(&key.url)
    .bind(&key.mount)
    .bind(&key.key)
    .bind(&key.namespace)
    .bind(&key.ca)
    .bind(&key.token)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The tenant keeps none any more.
pub async fn remove<A: Action>(tx: &mut Change<A>, tenant: &Granted<Tenant, A>) -> Result<()> {
    sqlx::query("delete from keys.external_keys where tenant_id = $1")
        .bind(tenant.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// A tenant whose key is to be asked.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Due {
    pub tenant_id: TenantId,
    pub generation: i32,
    pub state: String,
    pub renewed_at: DateTime<Utc>,
}

/// Some that were not asked since, the longest ago first. They count as asked from now on, so that others ask others.
pub async fn claim(tx: &mut SystemTx, before: DateTime<Utc>, at_most: i64) -> Result<Vec<Due>> {
    let now = tx.now();
    let due = sqlx::query_as(
        "update keys.external_keys set checked_at = $3
         where tenant_id in (
             select tenant_id from keys.external_keys where checked_at < $1
             order by checked_at limit $2 for update skip locked
         )
         returning tenant_id, generation, state, renewed_at",
    )
    .bind(before)
    .bind(at_most)
    .bind(now)
    .fetch_all(tx.sql())
    .await?;
    Ok(due)
}

/// Writes down how the key fares, unless it is another by now. False if it is.
pub async fn note(tx: &mut SystemTx, asked: &Due, cause: Option<&str>, renewed: bool) -> Result<bool> {
    let now = tx.now();
    let done = sqlx::query(
        "update keys.external_keys
         set state_since = case when (state = 'away') = ($3::text is not null) then state_since else $4 end,
             state = case when $3::text is null then 'ok' else 'away' end,
             cause = $3, checked_at = $4, renewed_at = case when $5 then $4 else renewed_at end
         where tenant_id = $1 and generation = $2",
    )
    .bind(asked.tenant_id)
    .bind(asked.generation)
    .bind(cause.map(|cause| cause.chars().take(CAUSE).collect::<String>()))
    .bind(now)
    .bind(renewed)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Another token for the same key, if it is still the one before that is kept.
pub async fn set_token(tx: &mut SystemTx, tenant: TenantId, before: &[u8], after: &[u8]) -> Result<bool> {
    let now = tx.now();
    let done = sqlx::query(
        "update keys.external_keys
         set token = $3, generation = generation + 1, checked_at = $4, renewed_at = $4, cause = null, state = 'ok',
             state_since = case when state = 'ok' then state_since else $4 end
         where tenant_id = $1 and token = $2",
    )
    .bind(tenant)
    .bind(before)
    .bind(after)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// How many are away.
pub async fn away(tx: &mut SystemTx, _: &Granted<Platform, key_provider::Read>) -> Result<i64> {
    let away = sqlx::query_scalar("select count(*) from keys.external_keys where state = 'away'")
        .fetch_one(tx.sql())
        .await?;
    Ok(away)
}
