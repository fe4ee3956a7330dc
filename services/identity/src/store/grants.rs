//! `identity.sessions`, as far as they are clients'.

use std::net::IpAddr;

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Read, Result, SystemTx};
use ids::{OauthClientId, SessionId, TenantId, UserId};

use crate::oauth::id_token::SignIn;
use crate::oauth::scope::Scopes;
use crate::session::Session;
use crate::store::places;
use crate::store::sealed::{USER_EMAIL, USER_NAME};

/// Writes a client's session that begins now.
pub async fn insert(
    tx: &mut SystemTx,
    session: &Session,
    (client, scopes): (OauthClientId, &Scopes),
    sign_in: &SignIn,
    from: Option<IpAddr>,
) -> Result<()> {
    let (now, keys) = (tx.now(), tx.keys(session.tenant)?);
    // What is good for everything is a session like that of a sign-in.
    let scopes = scopes.permissions().map(|_| scopes.names().to_vec());
    sqlx::query(
        "insert into identity.sessions (tenant_id, session_id, user_id, family_key, token_hash, address_sealed,
                                        used_from_sealed, created_at, used_at, factor_at, expires_at, ends_at, methods,
                                        client_id, scopes, auth_time)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(session.tenant)
    .bind(session.id)
    .bind(session.user)
    .bind(&session.family_key)
    .bind(&session.token_hash)
    .bind(places::begun_from(&keys, session.id, from)?)
    .bind(places::used_from(&keys, session.id, from)?)
    .bind(now)
    .bind(sign_in.factor_at)
    .bind(session.expires_at)
    .bind(session.ends_at)
    .bind(&sign_in.methods)
    .bind(client)
    .bind(scopes)
    .bind(sign_in.at)
    .execute(tx.sql())
    .await?;
    Ok(())
}

#[derive(sqlx::FromRow)]
struct SignInRow {
    methods: Vec<String>,
    at: DateTime<Utc>,
    factor_at: Option<DateTime<Utc>>,
}

/// How the caller signed in, if this is a session that they signed in with themself.
pub async fn sign_in<A: Action>(tx: &mut Read<A>, user: UserId, session: SessionId) -> Result<Option<SignIn>> {
    let (tenant, now) = (tx.tenant_id(), tx.now());
    let row: Option<SignInRow> = sqlx::query_as(
        "select methods, coalesce(auth_time, created_at) as at, factor_at from identity.sessions
         where tenant_id = $1 and user_id = $2 and session_id = $3 and client_id is null and revoked_at is null
           and expires_at > $4",
    )
    .bind(tenant)
    .bind(user)
    .bind(session)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|SignInRow { methods, at, factor_at }| SignIn { methods, at, factor_at }))
}

/// What the caller's session was given for; none if it is no client's, or good for everything.
pub async fn scopes<A: Action>(tx: &mut Read<A>, session: SessionId) -> Result<Option<Scopes>> {
    let tenant = tx.tenant_id();
    let names: Option<Option<Vec<String>>> =
        sqlx::query_scalar("select scopes from identity.sessions where tenant_id = $1 and session_id = $2")
            .bind(tenant)
            .bind(session)
            .fetch_optional(tx.sql())
            .await?;
    Ok(names.flatten().map(Scopes::stored))
}

/// A client's session and what is told of it; none once it is over.
pub struct Live {
    /// The client.
    pub client: OauthClientId,
    /// Whose it is.
    pub user: UserId,
    /// For what.
    pub scopes: Scopes,
}

/// The session of that id, if it is a client's and not over.
pub async fn live(tx: &mut SystemTx, tenant: TenantId, session: SessionId) -> Result<Option<Live>> {
    let now = tx.now();
    let row: Option<(OauthClientId, UserId, Option<Vec<String>>)> = sqlx::query_as(
        "select s.client_id, s.user_id, s.scopes from identity.sessions s join identity.users u using (tenant_id, user_id)
         where s.tenant_id = $1 and s.session_id = $2 and s.client_id is not null and s.revoked_at is null
           and s.expires_at > $3 and u.enabled",
    )
    .bind(tenant)
    .bind(session)
    .bind(now)
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|(client, user, scopes)| Live {
        client,
        user,
        scopes: scopes.map_or_else(Scopes::everything, Scopes::stored),
    }))
}

#[derive(sqlx::FromRow)]
struct AboutRow {
    name_sealed: Option<Vec<u8>>,
    email_sealed: Option<Vec<u8>>,
}

/// Who somebody is: what they are called and their address. The tenant's keys are held.
pub async fn about(tx: &mut SystemTx, tenant: TenantId, user: UserId) -> Result<Option<(String, String)>> {
    let row: Option<AboutRow> = sqlx::query_as(
        "select name_sealed, email_sealed from identity.users where tenant_id = $1 and user_id = $2 and enabled",
    )
    .bind(tenant)
    .bind(user)
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    let (keys, id) = (tx.keys(tenant)?, user.as_uuid());
    let name = USER_NAME.open(&keys, id, row.name_sealed.as_deref())?;
    Ok(Some((name, USER_EMAIL.open(&keys, id, row.email_sealed.as_deref())?)))
}
