//! `identity.sessions`, as their people see them.

use auth::Action;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{SessionId, UserId};
use web::{Origin, Window};

use crate::session::{Device, Session};

#[derive(sqlx::FromRow)]
struct DeviceRow {
    session_id: SessionId,
    agent: String,
    methods: Vec<String>,
    address: Option<String>,
    used_from: Option<String>,
    created_at: DateTime<Utc>,
    used_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<DeviceRow> for Device {
    fn from(row: DeviceRow) -> Self {
        Self {
            session: row.session_id,
            agent: row.agent,
            methods: row.methods,
            begun_from: row.address,
            used_from: row.used_from,
            created_at: row.created_at,
            used_at: row.used_at,
            expires_at: row.expires_at,
        }
    }
}

/// Remembers what the client of a session calls itself, and from where it was heard.
pub async fn note(tx: &mut SystemTx, session: &Session, origin: &Origin) -> Result<()> {
    sqlx::query("update identity.sessions set agent = $3, used_from = $4 where tenant_id = $1 and session_id = $2")
        .bind(session.tenant)
        .bind(session.id)
        .bind(&origin.user_agent)
        .bind(origin.address.map(|address| address.to_string()))
        .execute(tx.sql())
        .await?;
    Ok(())
}

macro_rules! select_device {
    ($tail:literal) => {
        concat!(
            "select session_id, agent, methods, address, used_from, created_at, used_at, expires_at
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
    Ok(rows.into_iter().map(Device::from).collect())
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
    row.map(Device::from).ok_or_else(|| fault::Error::not_found("session"))
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
