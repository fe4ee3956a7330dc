//! `identity.device_grants`.

use auth::action::authorization;
use chrono::{DateTime, Utc};
use crypto::Kek;
use db::{Change, Granted, Result, SystemTx, Tenant};
use ids::uuid::Uuid;
use ids::{EventId, OauthClientId};

use crate::oauth::device::{Asking, Decision, Seen};
use crate::oauth::scope::Scopes;
use crate::once::TokenDigest;

#[derive(sqlx::FromRow)]
struct GrantRow {
    grant_id: Uuid,
    client_id: OauthClientId,
    scopes: Vec<String>,
    seen: Vec<u8>,
    code_hash: Option<Vec<u8>>,
    denied: bool,
    wait_seconds: i16,
    asked_at: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
}

impl From<GrantRow> for Asking {
    fn from(row: GrantRow) -> Self {
        let code = row.code_hash.and_then(|hash| hash.try_into().ok());
        Self {
            id: row.grant_id,
            client: row.client_id,
            scopes: Scopes::stored(row.scopes),
            decision: match (code, row.denied) {
                (Some(code), _) => Decision::Allowed(code),
                (None, true) => Decision::Denied,
                (None, false) => Decision::Pending,
            },
            wait_seconds: row.wait_seconds,
            asked_at: row.asked_at,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}

/// The two codes of a device, as they are kept.
pub struct Hashes {
    /// Of what it keeps to itself.
    pub device: TokenDigest,
    /// Of what a person types.
    pub user: TokenDigest,
}

/// Writes what a device asks for; false if somebody is typing the same code already.
pub async fn insert(
    tx: &mut SystemTx,
    kek: &Kek,
    (asking, seen): (&Asking, &Seen),
    hashes: &Hashes,
) -> Result<bool, fault::Error> {
    let seen = seen.seal(kek, asking.id).map_err(fault::Error::internal)?;
    let made = sqlx::query(
        "insert into identity.device_grants (grant_id, client_id, device_hash, user_hash, scopes, seen, wait_seconds,
                                             created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict do nothing",
    )
    .bind(asking.id)
    .bind(asking.client)
    .bind(hashes.device.as_slice())
    .bind(hashes.user.as_slice())
    .bind(asking.scopes.names())
    .bind(seen)
    .bind(asking.wait_seconds)
    .bind(asking.created_at)
    .bind(asking.expires_at)
    .execute(tx.sql())
    .await
    .map_err(db::Error::from)?;
    Ok(made.rows_affected() == 1)
}

/// A new row's id.
pub fn mint() -> Uuid {
    EventId::mint().as_uuid()
}

/// What a device asks for, held until the end of the transaction: its questions are answered one after another.
pub async fn claim(tx: &mut SystemTx, device: &TokenDigest) -> Result<Option<Asking>> {
    let row: Option<GrantRow> = sqlx::query_as(
        "select grant_id, client_id, scopes, seen, code_hash, denied, wait_seconds, asked_at, created_at, expires_at
         from identity.device_grants where device_hash = $1 for update",
    )
    .bind(device.as_slice())
    .fetch_optional(tx.sql())
    .await?;
    Ok(row.map(Asking::from))
}

/// Remembers that a device asked, and how long it must wait from now on.
pub async fn note(tx: &mut SystemTx, asking: &Asking, wait_seconds: i16) -> Result<()> {
    let now = tx.now();
    sqlx::query("update identity.device_grants set asked_at = $2, wait_seconds = $3 where grant_id = $1")
        .bind(asking.id)
        .bind(now)
        .bind(wait_seconds)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Removes what a device asked for: it has its answer.
pub async fn remove(tx: &mut SystemTx, asking: &Asking) -> Result<()> {
    sqlx::query("delete from identity.device_grants where grant_id = $1")
        .bind(asking.id)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// What waits for a decision under the code that somebody typed, held until the end of the transaction.
pub async fn typed(
    tx: &mut Change<authorization::Create>,
    _: &Granted<Tenant, authorization::Create>,
    kek: &Kek,
    user: &TokenDigest,
) -> Result<Option<(Asking, Seen)>, fault::Error> {
    let now = tx.now();
    let row: Option<GrantRow> = sqlx::query_as(
        "select grant_id, client_id, scopes, seen, code_hash, denied, wait_seconds, asked_at, created_at, expires_at
         from identity.device_grants where user_hash = $1 and expires_at > $2 and code_hash is null and not denied
         for update",
    )
    .bind(user.as_slice())
    .bind(now)
    .fetch_optional(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let Some(row) = row else { return Ok(None) };
    let seen = Seen::open(kek, row.grant_id, &row.seen).map_err(fault::Error::internal)?;
    Ok(Some((row.into(), seen)))
}

/// Keeps what somebody decided: the code that it is allowed with, or no.
pub async fn decide(
    tx: &mut Change<authorization::Create>,
    _: &Granted<Tenant, authorization::Create>,
    asking: &Asking,
    code: Option<&TokenDigest>,
) -> Result<()> {
    sqlx::query("update identity.device_grants set code_hash = $2, denied = $3 where grant_id = $1")
        .bind(asking.id)
        .bind(code.map(<[u8; 32]>::as_slice))
        .bind(code.is_none())
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Removes some of those whose time is over; answers how many. They stay for a while, so that a device is told so.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let before = tx.now() - chrono::TimeDelta::hours(1);
    let removed = sqlx::query(
        "delete from identity.device_grants where grant_id in
           (select grant_id from identity.device_grants where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(before)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
