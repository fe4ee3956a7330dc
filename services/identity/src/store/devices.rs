//! `identity.sessions`, as their people see them.

use auth::Action;
use chrono::{DateTime, Utc};
use crypto::{KeyError, TenantKeys};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{SessionId, UserId};
use web::{Origin, Window};

use super::places::{self, SealedHeard};
use crate::session::{Device, Session};

#[derive(sqlx::FromRow)]
struct DeviceRow {
    session_id: SessionId,
    methods: Vec<String>,
    #[sqlx(flatten)]
    heard: SealedHeard,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl DeviceRow {
    fn open(self, keys: &TenantKeys) -> Result<Device, KeyError> {
        let heard = self.heard.open(keys, self.session_id)?;
        Ok(Device {
            session: self.session_id,
            agent: heard.agent,
            methods: self.methods,
            begun_from: heard.begun_from,
            used_from: heard.used_from,
            created_at: self.created_at,
            used_at: self.used_at,
            expires_at: self.expires_at,
        })
    }
}

/// Remembers what the client of a session calls itself.
pub async fn note(tx: &mut SystemTx, session: &Session, origin: &Origin) -> Result<()> {
    let keys = tx.keys(session.tenant)?;
    sqlx::query("update identity.sessions set agent_sealed = $3 where tenant_id = $1 and session_id = $2")
        .bind(session.tenant)
        .bind(session.id)
        .bind(places::agent(&keys, session.id, &origin.user_agent)?)
        .execute(tx.sql())
        .await?;
    Ok(())
}

macro_rules! select_device {
    ($tail:literal) => {
        concat!(
            "select session_id, methods, address_sealed, used_from_sealed, agent_sealed, created_at, used_at, expires_at
             from identity.sessions
             where tenant_id = $1 and user_id = $2 and revoked_at is null and expires_at > $3 and ",
            $tail
        )
    };
}

/// A window of somebody's sessions that are not over, newest first.
pub async fn list<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    window: &Window,
) -> Result<Vec<Device>, fault::Error> {
    let now = tx.now();
    let rows: Vec<DeviceRow> = sqlx::query_as(select_device!(
        "($4::uuid is null or session_id < $4) order by session_id desc limit $5"
    ))
    .bind(tenant.id)
    .bind(user)
    .bind(now)
    .bind(window.after::<SessionId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let keys = tx.keys()?;
    Ok(rows.into_iter().map(|row| row.open(keys)).collect::<Result<_, _>>()?)
}

/// One of somebody's sessions that is not over.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    session: SessionId,
) -> Result<Device, fault::Error> {
    let now = tx.now();
    let row: Option<DeviceRow> = sqlx::query_as(select_device!("session_id = $4"))
        .bind(tenant.id)
        .bind(user)
        .bind(now)
        .bind(session)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    let row = row.ok_or_else(|| fault::Error::not_found("session"))?;
    Ok(row.open(tx.keys()?)?)
}

/// Which of somebody's sessions.
#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// All.
    All,
}

/// Ends sessions of somebody; answers how many.
pub async fn end<A: Action>(
    tx: &mut Change<A>,
    tenant: &Granted<Tenant, A>,
    user: UserId,
    which: Which,
) -> Result<u64> {
    let now = tx.now();
    let (only, but) = match which {
        Which::One(session) => (Some(session), None),
        Which::AllBut(session) => (None, Some(session)),
        Which::All => (None, None),
    };
    let ended = sqlx::query(
        "update identity.sessions set revoked_at = $3, revoked_why = 'revoked'
         where tenant_id = $1 and user_id = $2 and revoked_at is null and expires_at > $3
           and ($4::uuid is null or session_id = $4) and ($5::uuid is null or session_id <> $5)",
    )
    .bind(tenant.id)
    .bind(user)
    .bind(now)
    .bind(only)
    .bind(but)
    .execute(tx.sql())
    .await?;
    Ok(ended.rows_affected())
}
