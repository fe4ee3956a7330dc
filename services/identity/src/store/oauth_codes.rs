//! `identity.oauth_codes`.

use auth::action::authorization;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::uuid::Uuid;
use ids::{EventId, OauthClientId, SessionId, TenantId, UserId};

use crate::oauth::id_token::SignIn;
use crate::oauth::pkce::Challenge;
use crate::oauth::scope::Scopes;
use crate::once::TokenDigest;

/// What somebody has allowed a client.
pub struct Allowed {
    /// The client.
    pub client: OauthClientId,
    /// Who has allowed it.
    pub user: UserId,
    /// Where the code goes; none if a device comes for it.
    pub redirect_uri: Option<String>,
    /// Whose verifier must come with it.
    pub challenge: Option<Challenge>,
    /// What the client wants to find in its id token.
    pub nonce: Option<String>,
    /// For what.
    pub scopes: Scopes,
    /// How its person signed in.
    pub sign_in: SignIn,
}

/// A code as it is kept.
pub struct Kept {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its row.
    pub id: Uuid,
    /// What it stands for.
    pub allowed: Allowed,
    /// The session that it was turned in for.
    pub session: Option<SessionId>,
    /// Was it turned in?
    pub used: bool,
    /// Good until.
    pub expires_at: DateTime<Utc>,
}

#[derive(sqlx::FromRow)]
struct CodeRow {
    tenant_id: TenantId,
    code_id: Uuid,
    client_id: OauthClientId,
    user_id: UserId,
    redirect_uri: Option<String>,
    challenge: Option<String>,
    nonce: Option<String>,
    scopes: Vec<String>,
    methods: Vec<String>,
    auth_time: DateTime<Utc>,
    factor_at: Option<DateTime<Utc>>,
    session_id: Option<SessionId>,
    used_at: Option<DateTime<Utc>>,
    expires_at: DateTime<Utc>,
}

impl From<CodeRow> for Kept {
    fn from(row: CodeRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.code_id,
            allowed: Allowed {
                client: row.client_id,
                user: row.user_id,
                redirect_uri: row.redirect_uri,
                challenge: row.challenge.map(Challenge::stored),
                nonce: row.nonce,
                scopes: Scopes::stored(row.scopes),
                sign_in: SignIn {
                    methods: row.methods,
                    at: row.auth_time,
                    factor_at: row.factor_at,
                },
            },
            session: row.session_id,
            used: row.used_at.is_some(),
            expires_at: row.expires_at,
        }
    }
}

/// In whose tenant this code was given.
pub async fn tenant_of(tx: &mut SystemTx, hash: &TokenDigest) -> Result<Option<TenantId>> {
    let tenant = sqlx::query_scalar("select tenant_id from identity.oauth_codes where hash = $1")
        .bind(hash.as_slice())
        .fetch_optional(tx.sql())
        .await?;
    Ok(tenant)
}

/// Writes a code, of which only the hash is kept.
pub async fn insert(
    tx: &mut Change<authorization::Create>,
    tenant: &Granted<Tenant, authorization::Create>,
    hash: &TokenDigest,
    allowed: &Allowed,
    until: DateTime<Utc>,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into identity.oauth_codes (tenant_id, code_id, hash, client_id, user_id, redirect_uri, challenge, nonce,
                                           scopes, methods, auth_time, factor_at, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
    )
    .bind(tenant.id)
    .bind(EventId::mint())
    .bind(hash.as_slice())
    .bind(allowed.client)
    .bind(allowed.user)
    .bind(&allowed.redirect_uri)
    .bind(allowed.challenge.as_ref().map(Challenge::as_str))
    .bind(&allowed.nonce)
    .bind(allowed.scopes.names())
    .bind(&allowed.sign_in.methods)
    .bind(allowed.sign_in.at)
    .bind(allowed.sign_in.factor_at)
    .bind(now)
    .bind(until)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A code, held until the end of the transaction: of fifty who bring it at once, one is first.
pub async fn claim(tx: &mut SystemTx, hash: &TokenDigest) -> Result<Option<Kept>> {
    let row: Option<CodeRow> = sqlx::query_as(
        "select tenant_id, code_id, client_id, user_id, redirect_uri, challenge, nonce, scopes, methods, auth_time,
                factor_at, session_id, used_at, expires_at
         from identity.oauth_codes where hash = $1 for update",
    )
    .bind(hash.as_slice())
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Kept::from))
}

/// Remembers that a code was turned in, and for what.
pub async fn spend(tx: &mut SystemTx, code: &Kept, session: Option<SessionId>) -> Result<()> {
    let now = tx.now();
    sqlx::query("update identity.oauth_codes set used_at = $3, session_id = $4 where tenant_id = $1 and code_id = $2")
        .bind(code.tenant)
        .bind(code.id)
        .bind(now)
        .bind(session)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Removes some of the codes that expired a day ago; answers how many. Until then a second use is still noticed.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let before = tx.now() - chrono::TimeDelta::days(1);
    let removed = sqlx::query(
        "delete from identity.oauth_codes where (tenant_id, code_id) in
           (select tenant_id, code_id from identity.oauth_codes where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(before)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
