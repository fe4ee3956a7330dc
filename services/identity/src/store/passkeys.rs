//! The passkeys among `identity.factors`, as they are shown.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::{FactorId, TenantId, UserId};
use sqlx::PgConnection;

/// A passkey that is shown.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct Shown {
    /// Whose tenant.
    #[sqlx(rename = "tenant_id")]
    pub tenant: TenantId,
    /// Which factor.
    #[sqlx(rename = "factor_id")]
    pub factor: FactorId,
    /// Whose it is.
    #[sqlx(rename = "user_id")]
    pub user: UserId,
    /// Its public half, sealed.
    pub sealed: Vec<u8>,
    /// May its person sign in?
    pub enabled: bool,
}

/// In whose tenant this passkey is said to be.
pub async fn tenant_of(tx: &mut SystemTx, user: UserId, credential: &[u8]) -> Result<Option<TenantId>> {
    let tenant =
        sqlx::query_scalar("select tenant_id from identity.factors where user_id = $1 and credential_id = $2 limit 1")
            .bind(user)
            .bind(credential)
            .fetch_optional(tx.sql())
            .await?;
    Ok(tenant)
}

/// Whoever's passkey this is, held with their person until the end of the transaction: who is disabled meanwhile is found
/// to be, and its uses are judged one after another. The device names person and key, which proves nothing yet.
pub async fn claim(tx: &mut SystemTx, user: UserId, credential: &[u8]) -> Result<Option<Shown>> {
    let tenant = tenant_of(tx, user, credential).await?;
    // The person first, as everywhere: two that wait for each other's rows wait for ever.
    let enabled: Option<bool> =
        sqlx::query_scalar("select enabled from identity.users where tenant_id = $1 and user_id = $2 for update")
            .bind(tenant)
            .bind(user)
            .fetch_optional(tx.sql())
            .await?;
    let row = sqlx::query_as(
        "select tenant_id, factor_id, user_id, sealed, $4::boolean as enabled from identity.factors
         where tenant_id = $1 and user_id = $2 and credential_id = $3 and confirmed_at is not null for update",
    )
    .bind(tenant)
    .bind(user)
    .bind(credential)
    .bind(enabled.unwrap_or(false))
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// The caller's own passkey, held until the end of the transaction.
pub async fn claim_own<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    credential: &[u8],
) -> Result<Option<Shown>> {
    let row = sqlx::query_as(
        "select tenant_id, factor_id, user_id, sealed, true as enabled from identity.factors
         where tenant_id = $1 and user_id = $2 and credential_id = $3 and confirmed_at is not null for update",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(credential)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row)
}

/// Keeps a passkey as its use has left it.
pub async fn keep(tx: &mut SystemTx, shown: &Shown, sealed: &[u8]) -> Result<()> {
    let now = tx.now();
    write(tx.sql(), shown, sealed, now).await
}

/// The same for the caller's own.
pub async fn keep_own<A: Action>(
    tx: &mut Change<A>,
    _: &Granted<Tenant, A>,
    shown: &Shown,
    sealed: &[u8],
) -> Result<()> {
    let now = tx.now();
    write(tx.sql(), shown, sealed, now).await
}

async fn write(sql: &mut PgConnection, shown: &Shown, sealed: &[u8], now: DateTime<Utc>) -> Result<()> {
    sqlx::query("update identity.factors set sealed = $3, used_at = $4 where tenant_id = $1 and factor_id = $2")
        .bind(shown.tenant)
        .bind(shown.factor)
        .bind(sealed)
        .bind(now)
        .execute(sql)
        .await?;
    Ok(())
}
