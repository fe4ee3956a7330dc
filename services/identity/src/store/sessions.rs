//! `identity.sessions`.

use std::net::IpAddr;

use auth::action::{password, session, user};
use auth::{Action, Owed};
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::{OauthClientId, SessionId, TenantId, UserId};

use super::{places, standings};
use web::Origin;

use crate::session::{Previous, Session};
use crate::signin::Method;
use crate::user::User;

#[derive(sqlx::FromRow)]
struct SessionRow {
    tenant_id: TenantId,
    session_id: SessionId,
    user_id: UserId,
    client_id: Option<OauthClientId>,
    family_key: Vec<u8>,
    token_hash: Vec<u8>,
    previous_hash: Option<Vec<u8>>,
    rotated_at: Option<DateTime<Utc>>,
    used_from_sealed: Option<Vec<u8>>,
    expires_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    over: bool,
}

impl SessionRow {
    fn open(self, keys: &TenantKeys) -> Result<Session, KeyError> {
        let row = self;
        let previous = match row.previous_hash.zip(row.rotated_at) {
            // It was last heard then.
            Some((hash, at)) => Some(Previous {
                hash,
                at,
                from: places::heard_from(keys, row.session_id, row.used_from_sealed.as_deref())?,
            }),
            None => None,
        };
        Ok(Session {
            tenant: row.tenant_id,
            id: row.session_id,
            user: row.user_id,
            client: row.client_id,
            family_key: row.family_key,
            token_hash: row.token_hash,
            previous,
            expires_at: row.expires_at,
            ends_at: row.ends_at,
            over: row.over,
            owes: Vec::new(),
        })
    }
}

/// Why a session was ended.
#[derive(Debug, Clone, Copy)]
pub enum Why {
    /// A token was turned in twice.
    Reuse,
    /// The password was changed.
    Password,
    /// The client that has it gave it back.
    Client,
    /// A change of the address was undone by whoever reads the old one's letters.
    Undone,
}

impl Why {
    const fn name(self) -> &'static str {
        match self {
            Self::Reuse => "reuse",
            Self::Password => "password",
            Self::Client => "client",
            Self::Undone => "revoked",
        }
    }
}

/// How a session began.
#[derive(Debug, Clone, Copy)]
pub struct Begun<'a> {
    /// From where, and what the client calls itself.
    pub from: &'a Origin,
    /// What was shown.
    pub methods: &'a [Method],
    /// Was that the strongest its person has? If not, no factor was shown for what asks for one shown of late.
    pub proven: bool,
    /// Had the password come of age?
    pub password_due: bool,
}

/// Writes a session that begins now.
pub async fn insert(tx: &mut SystemTx, session: &Session, begun: &Begun<'_>) -> Result<()> {
    let now = tx.now();
    let (keys, from) = (tx.keys(session.tenant)?, begun.from.address);
    let methods: Vec<&str> = begun.methods.iter().map(|method| method.name()).collect();
    sqlx::query(
        "insert into identity.sessions (tenant_id, session_id, user_id, family_key, token_hash, address_sealed,
                                        used_from_sealed, agent_sealed, created_at, used_at, factor_at, expires_at, ends_at,
                                        methods, password_due)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, $11, $12, $13, $14)",
    )
    .bind(session.tenant)
    .bind(session.id)
    .bind(session.user)
    .bind(&session.family_key)
    .bind(&session.token_hash)
    .bind(places::begun_from(&keys, session.id, from)?)
    .bind(places::used_from(&keys, session.id, from)?)
    .bind(places::agent(&keys, session.id, &begun.from.user_agent)?)
    .bind(now)
    .bind(begun.proven.then_some(now))
    .bind(session.expires_at)
    .bind(session.ends_at)
    .bind(methods)
    .bind(begun.password_due)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A session was begun by a provider's word: its factor was shown there, then; none: nobody knows when.
pub async fn proven_elsewhere(tx: &mut SystemTx, session: &Session, at: Option<DateTime<Utc>>) -> Result<()> {
    sqlx::query("update identity.sessions set factor_at = $3 where tenant_id = $1 and session_id = $2")
        .bind(session.tenant)
        .bind(session.id)
        .bind(at)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// A session, held until the end of the transaction: its tokens are turned in one after another. It ends when the tenant's
/// rules of now say, if that is earlier.
pub async fn claim(tx: &mut SystemTx, tenant: TenantId, session: SessionId) -> Result<Option<Session>> {
    let row: Option<SessionRow> = sqlx::query_as(
        "select s.tenant_id, s.session_id, s.user_id, s.client_id, s.family_key, s.token_hash, s.previous_hash,
                s.rotated_at, s.used_from_sealed, least(s.expires_at, s.created_at + make_interval(hours => p.session_hours),
                                      s.used_at + make_interval(mins => p.session_idle_minutes)) as expires_at,
                least(s.ends_at, s.created_at + make_interval(hours => p.session_hours)) as ends_at,
                (s.revoked_at is not null or not u.enabled) as over
         from identity.sessions s join identity.users u using (tenant_id, user_id)
         left join identity.policies p using (tenant_id)
         where s.tenant_id = $1 and s.session_id = $2 for update of s",
    )
    .bind(tenant)
    .bind(session)
    .fetch_optional(tx.sql())
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(row.open(&tx.keys(tenant)?)?))
}

/// Puts the successor in the place of the token that was good.
pub async fn rotate(
    tx: &mut SystemTx,
    session: &Session,
    next: &[u8; 32],
    from: Option<IpAddr>,
    expires_at: DateTime<Utc>,
) -> Result<()> {
    let (now, keys) = (tx.now(), tx.keys(session.tenant)?);
    sqlx::query(
        "update identity.sessions set previous_hash = token_hash, token_hash = $3, rotated_at = $4, used_at = $4,
                used_from_sealed = $5, expires_at = $6
         where tenant_id = $1 and session_id = $2",
    )
    .bind(session.tenant)
    .bind(session.id)
    .bind(next.as_slice())
    .bind(now)
    .bind(places::used_from(&keys, session.id, from)?)
    .bind(expires_at)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Ends a session.
pub async fn revoke(tx: &mut SystemTx, tenant: TenantId, session: SessionId, why: Why) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = $4
         where tenant_id = $1 and session_id = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(session)
    .bind(now)
    .bind(why.name())
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Ends every session of somebody.
pub async fn revoke_all(tx: &mut SystemTx, tenant: TenantId, user: UserId, why: Why) -> Result<u64> {
    let now = tx.now();
    let ended = sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = $4
         where tenant_id = $1 and user_id = $2 and revoked_at is null",
    )
    .bind(tenant)
    .bind(user)
    .bind(now)
    .bind(why.name())
    .execute(tx.sql())
    .await?;
    Ok(ended.rows_affected())
}

/// Ends every session of somebody who may not sign in any more.
pub async fn end_all(tx: &mut Change<user::Modify>, user: &Granted<User, user::Modify>) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = 'disabled'
         where tenant_id = $1 and user_id = $2 and revoked_at is null",
    )
    .bind(user.tenant)
    .bind(user.id)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Ends the caller's own session.
pub async fn end(
    tx: &mut Change<session::Delete>,
    tenant: &Granted<Tenant, session::Delete>,
    session: SessionId,
) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = 'logout'
         where tenant_id = $1 and session_id = $2 and revoked_at is null",
    )
    .bind(tenant.id)
    .bind(session)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Remembers that the caller's strongest factor was shown in this session now; false if it is over.
pub async fn show<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    session: SessionId,
    method: Method,
) -> Result<bool> {
    let now = tx.now();
    let shown = sqlx::query(
        "update identity.sessions set factor_at = $3,
                methods = case when $4 = any(methods) then methods else methods || $4 end
         where tenant_id = $1 and session_id = $2 and revoked_at is null",
    )
    .bind(tenant.id)
    .bind(session)
    .bind(now)
    .bind(method.name())
    .execute(tx.sql())
    .await?;
    Ok(shown.rows_affected() == 1)
}

/// The caller has a stronger factor now, and it was shown in none of their sessions.
pub async fn show_anew<A: Action>(tx: &mut Change<A>, tenant: &Granted<Tenant, A>, user: UserId) -> Result<()> {
    sqlx::query(
        "update identity.sessions set factor_at = null where tenant_id = $1 and user_id = $2 and revoked_at is null",
    )
    .bind(tenant.id)
    .bind(user)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The session was begun with a password that had come of age, and there is another now.
pub async fn password_is_new(
    tx: &mut Change<password::Modify>,
    tenant: &Granted<Tenant, password::Modify>,
    session: SessionId,
) -> Result<()> {
    sqlx::query("update identity.sessions set password_due = false where tenant_id = $1 and session_id = $2")
        .bind(tenant.id)
        .bind(session)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Ends the caller's sessions but the present one, since the password is another; answers how many.
pub async fn end_others(
    tx: &mut Change<password::Modify>,
    tenant: &Granted<Tenant, password::Modify>,
    user: UserId,
    present: SessionId,
) -> Result<u64> {
    let now = tx.now();
    let ended = sqlx::query(
        "update identity.sessions set revoked_at = $4, revoked_why = $5
         where tenant_id = $1 and user_id = $2 and session_id <> $3 and revoked_at is null",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(present)
    .bind(now)
    .bind(Why::Password.name())
    .execute(tx.sql())
    .await?;
    Ok(ended.rows_affected())
}

/// What must be done before a session is good for anything else.
pub async fn owes(tx: &mut SystemTx, session: SessionId) -> Result<Vec<Owed>> {
    Ok(standings::session(tx, session)
        .await?
        .map(|standing| standing.owes)
        .unwrap_or_default())
}

/// Removes some of the sessions that expired; answers how many. A revoked one stays until then, so that its tokens
/// are still told from inventions.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.sessions where (tenant_id, session_id) in
           (select tenant_id, session_id from identity.sessions where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
