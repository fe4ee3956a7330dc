//! `compute.enrolments`: one-use tokens, of which only digests are kept.

use auth::Action;
use auth::action::host;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Platform, Read, Result, SystemTx};
use ids::{EnrolmentId, HostId, PoolId, TenantId};
use web::Window;

use crate::host::enrolment::{Claimed, Enrolment, TokenDigest};

#[derive(sqlx::FromRow)]
struct EnrolmentRow {
    enrolment_id: EnrolmentId,
    pool_id: PoolId,
    pool: String,
    host_id: Option<HostId>,
    used_at: Option<DateTime<Utc>>,
    expired: bool,
    expires_at: DateTime<Utc>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<EnrolmentRow> for Enrolment {
    fn from(row: EnrolmentRow) -> Self {
        Self {
            id: row.enrolment_id,
            pool: (row.pool_id, row.pool),
            host: row.host_id,
            used_at: row.used_at,
            expired: row.expired,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

macro_rules! select_enrolment {
    ($tail:literal) => {
        concat!(
            "select e.enrolment_id, e.pool_id, p.name as pool, e.host_id, e.used_at, e.expires_at <= now() as expired,
                    e.expires_at, e.created_at, e.updated_at
             from compute.enrolments e join compute.pools p using (pool_id) where ",
            $tail
        )
    };
}

/// Writes a new permission that ends after so many seconds.
pub async fn insert(
    tx: &mut Change<host::Enrol>,
    _: &Granted<Platform, host::Enrol>,
    pool: PoolId,
    token: &TokenDigest,
    expires_in_s: u16,
) -> Result<Enrolment> {
    let (id, now) = (EnrolmentId::mint(), tx.now());
    let (tenant, issuer) = (tx.tenant_id(), tx.caller().principal().to_string());
    sqlx::query(
        "insert into compute.enrolments (enrolment_id, pool_id, token_sha256, issuer_tenant, issuer, expires_at,
             created_at, updated_at)
         values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), $7, $7)",
    )
    .bind(id)
    .bind(pool)
    .bind(token.as_slice())
    .bind(tenant)
    .bind(issuer)
    .bind(f64::from(expires_in_s))
    .bind(now)
    .execute(tx.sql())
    .await?;
    let row: EnrolmentRow = sqlx::query_as(select_enrolment!("e.enrolment_id = $1"))
        .bind(id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.into())
}

/// The permission of that id.
pub async fn lookup<A: Action>(tx: &mut Read<A>, id: EnrolmentId) -> Result<Enrolment, fault::Error> {
    let row: Option<EnrolmentRow> = sqlx::query_as(select_enrolment!("e.enrolment_id = $1"))
        .bind(id)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
    row.map(Enrolment::from)
        .ok_or_else(|| fault::Error::not_found("enrolment"))
}

/// A window of the permissions, newest first.
pub async fn list(
    tx: &mut Read<host::List>,
    _: &Granted<Platform, host::List>,
    window: &Window,
) -> Result<Vec<Enrolment>, fault::Error> {
    let rows: Vec<EnrolmentRow> = sqlx::query_as(select_enrolment!(
        "($1::uuid is null or e.enrolment_id < $1) order by e.enrolment_id desc limit $2"
    ))
    .bind(window.after::<EnrolmentId>(0)?)
    .bind(window.fetch())
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Enrolment::from).collect())
}

/// Takes a permission back, unless it was used meanwhile.
pub async fn remove(tx: &mut Change<host::Enrol>, _: &Granted<Platform, host::Enrol>, id: EnrolmentId) -> Result<bool> {
    let done = sqlx::query("delete from compute.enrolments where enrolment_id = $1 and used_at is null")
        .bind(id)
        .execute(tx.sql())
        .await?;
    Ok(done.rows_affected() == 1)
}

/// Uses the token up. Of many at once the first to lock the row gets it; the others wait for its end and get none.
pub async fn claim(tx: &mut SystemTx, token: &TokenDigest) -> Result<Option<Claimed>> {
    let row: Option<(EnrolmentId, PoolId, TenantId, String)> = sqlx::query_as(
        "update compute.enrolments set used_at = now(), updated_at = now()
         where token_sha256 = $1 and used_at is null and expires_at > now()
         returning enrolment_id, pool_id, issuer_tenant, issuer",
    )
    .bind(token.as_slice())
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(|(id, pool, tenant, issuer)| Claimed {
        id,
        pool,
        tenant,
        issuer,
    }))
}

/// Writes which host came of a claimed token.
pub async fn bind(tx: &mut SystemTx, id: EnrolmentId, host: HostId) -> Result<()> {
    sqlx::query("update compute.enrolments set host_id = $2 where enrolment_id = $1")
        .bind(id)
        .bind(host)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// The host that came of this token, if it was the same certificate that used it up.
pub async fn used_by(tx: &mut SystemTx, token: &TokenDigest, fingerprint: &str) -> Result<Option<HostId>> {
    let host = sqlx::query_scalar(
        "select h.host_id from compute.enrolments e join compute.hosts h using (host_id)
         where e.token_sha256 = $1 and h.fingerprint = $2",
    )
    .bind(token.as_slice())
    .bind(fingerprint)
    .fetch_optional(tx.sql())
    .await?;
    Ok(host)
}

/// Which permission this token is, or was, and in whose audit log it stands.
pub async fn issuer(tx: &mut SystemTx, token: &TokenDigest) -> Result<Option<(EnrolmentId, TenantId)>> {
    let found = sqlx::query_as("select enrolment_id, issuer_tenant from compute.enrolments where token_sha256 = $1")
        .bind(token.as_slice())
        .fetch_optional(tx.sql())
        .await?;
    Ok(found)
}
