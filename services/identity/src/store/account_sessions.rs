//! `identity.account_sessions`.

use auth::{Permissions, Principal, Standing};
use chrono::{DateTime, Utc};
use db::{Result, SystemTx};
use ids::{AccountCredentialId, ServiceAccountId, SessionId, TenantId};

use super::{policies, rights};

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

#[derive(sqlx::FromRow)]
struct StandingRow {
    tenant_id: TenantId,
    account_id: ServiceAccountId,
    scopes: Option<Vec<String>>,
    live: bool,
}

/// What a machine's session may do now; none if it never was, or its credential is gone.
pub async fn standing(tx: &mut SystemTx, session: SessionId) -> Result<Option<Standing>> {
    let now = tx.now();
    let row: Option<StandingRow> = sqlx::query_as(
        "select s.tenant_id, s.account_id, s.scopes,
                (s.revoked_at is null and s.expires_at > $2 and a.enabled
                 and (c.expires_at is null or c.expires_at > $2)) as live
         from identity.account_sessions s join identity.account_credentials c using (tenant_id, credential_id)
              join identity.service_accounts a on a.tenant_id = s.tenant_id and a.account_id = s.account_id
         where s.session_id = $1",
    )
    .bind(session)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let principal = Principal::ServiceAccount(row.account_id);
    let bindings = rights::bindings(tx, row.tenant_id, &principal).await?;
    let step_up_minutes = policies::at_sign_in(tx, row.tenant_id).await?.step_up();
    Ok(Some(Standing {
        live: row.live,
        scope: row.scopes.map(Permissions::stored),
        step_up_minutes,
        // A secret is no factor that somebody shows.
        ..Standing::of(row.tenant_id, principal, bindings, None)
    }))
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
