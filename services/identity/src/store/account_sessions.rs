//! `identity.account_sessions`.

use auth::Permissions;
use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::{AccountCredentialId, ServiceAccountId, SessionId, TenantId};

/// One access token of a machine.
pub struct Machine {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its account.
    pub account: ServiceAccountId,
    /// What proved it.
    pub credential: AccountCredentialId,
}

/// Writes a session that begins now and lives as long as its token.
pub async fn insert(
    tx: &mut SystemTx,
    session: SessionId,
    of: &Machine,
    scopes: Option<&Permissions>,
    until: DateTime<Utc>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.account_sessions (tenant_id, session_id, account_id, credential_id, scopes, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(of.tenant)
    .bind(session)
    .bind(of.account)
    .bind(of.credential)
    .bind(scopes.map(Permissions::names))
    .bind(now)
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Ends a machine's session.
pub async fn revoke(tx: &mut SystemTx, tenant: TenantId, session: SessionId) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.account_sessions set revoked_at = $3
         where tenant_id = $1 and session_id = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(session)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Removes some of those that expired; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.account_sessions where (tenant_id, session_id) in
           (select tenant_id, session_id from identity.account_sessions where expires_at < $1 limit $2
            for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
