//! `identity.resets`.

use chrono::{DateTime, TimeDelta, Utc};
use crypto::{KeyError, LookupKey, TenantKeys};
use db::{Result, SystemTx};
use ids::{EventId, TenantId, UserId};

use crate::once::TokenDigest;
use crate::person::{EMAIL, Email};
use crate::store::sealed::USER_EMAIL;

/// How long a reset may be used.
pub const LIVES: TimeDelta = TimeDelta::minutes(30);

/// Somebody with an address, where they may choose a new password.
#[derive(Debug, sqlx::FromRow)]
pub struct Addressee {
    /// Their tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// What it is called.
    pub tenant_name: String,
    /// Their id.
    #[sqlx(rename = "user_id")]
    pub user: UserId,
}

/// Everybody with this address who may sign in; where a tenant is named, there alone. Not who signs in by a provider alone: a
/// letter would lead past it. Once the provider is gone or
/// switched off, a letter is their way back.
pub async fn addressees(
    tx: &mut SystemTx,
    (email, lookup): (&Email, &LookupKey),
    tenant: Option<&str>,
) -> Result<Vec<Addressee>> {
    let rows = sqlx::query_as(
        "select u.tenant_id, t.name as tenant_name, u.user_id
         from identity.users u join identity.tenants t using (tenant_id)
         where u.email_mark = $1 and u.enabled
               and (exists (select from identity.passwords p where p.tenant_id = u.tenant_id and p.user_id = u.user_id)
                    or not exists (select from identity.external_identities i
                                   join identity.identity_providers p using (tenant_id, provider_id)
                                   where i.tenant_id = u.tenant_id and i.user_id = u.user_id and p.enabled))
               and ($2::text is null or t.name = $2) order by u.user_id limit 20",
    )
    .bind(lookup.mark(EMAIL, email).bytes())
    .bind(tenant)
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// Writes down that the holder of a token may choose a new password. Older ones of the same person are void.
pub async fn insert(tx: &mut SystemTx, tenant: TenantId, user: UserId, token: TokenDigest) -> Result<()> {
    let now = tx.now();
    sqlx::query("delete from identity.resets where tenant_id = $1 and user_id = $2")
        .bind(tenant)
        .bind(user)
        .execute(tx.sql())
        .await?;
    sqlx::query(
        "insert into identity.resets (tenant_id, reset_id, user_id, token_hash, expires_at, created_at)
         values ($1, $2, $3, $4, $5, $6)",
    )
    .bind(tenant)
    .bind(EventId::mint())
    .bind(user)
    .bind(token)
    .bind(now + LIVES)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Whose token this is, if it is good.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Holder {
    /// Their tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Their id.
    #[sqlx(rename = "user_id")]
    pub user: UserId,
    email_sealed: Option<Vec<u8>>,
}

impl Holder {
    /// Their address.
    pub fn email(&self, keys: &TenantKeys) -> Result<Email, KeyError> {
        let email = USER_EMAIL.open(keys, self.user.as_uuid(), self.email_sealed.as_deref())?;
        Ok(Email::stored(email))
    }
}

/// Looks whose token this is, without using it up.
pub async fn lookup(tx: &mut SystemTx, token: TokenDigest) -> Result<Option<Holder>> {
    let now: DateTime<Utc> = tx.now();
    let row = sqlx::query_as(
        "select r.tenant_id, r.user_id, u.email_sealed from identity.resets r join identity.users u using (tenant_id, user_id)
         where r.token_hash = $1 and r.used_at is null and r.expires_at > $2 and u.enabled",
    )
    .bind(token)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// Uses a token up: of fifty at once, one is told yes.
pub async fn spend(tx: &mut SystemTx, token: TokenDigest) -> Result<Option<Holder>> {
    let now: DateTime<Utc> = tx.now();
    let row = sqlx::query_as(
        "update identity.resets r set used_at = $2 from identity.users u
         where r.token_hash = $1 and r.used_at is null and r.expires_at > $2
               and u.tenant_id = r.tenant_id and u.user_id = r.user_id and u.enabled
         returning r.tenant_id, r.user_id, u.email_sealed",
    )
    .bind(token)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// Removes some that have expired; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.resets where (tenant_id, reset_id) in
           (select tenant_id, reset_id from identity.resets where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
