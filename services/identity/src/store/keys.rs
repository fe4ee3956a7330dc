//! `identity.signing_keys`.

use chrono::{DateTime, Utc};
use db::{Result, SystemTx};

/// Held while keys are made and retired, by one process of the platform at a time.
const LOCK: i64 = 0x6b65_7973;

/// A key that signs access tokens, private half encrypted.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SigningKey {
    /// Its id, as tokens name it.
    pub kid: String,
    /// PKCS#8, encrypted.
    pub sealed: Vec<u8>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// From when on it signs.
    pub signs_from: DateTime<Utc>,
}

/// Waits until no other process makes or retires keys.
pub async fn lock(tx: &mut SystemTx) -> Result<()> {
    sqlx::query("select pg_advisory_xact_lock($1)")
        .bind(LOCK)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// All that are not retired, the newest first.
pub async fn list(tx: &mut SystemTx) -> Result<Vec<SigningKey>> {
    let rows = sqlx::query_as(
        "select kid, sealed, created_at, signs_from from identity.signing_keys
         where retired_at is null order by signs_from desc, kid",
    )
    .fetch_all(tx.sql())
    .await?;
    Ok(rows)
}

/// Keeps a new one.
pub async fn insert(tx: &mut SystemTx, key: &SigningKey) -> Result<()> {
    sqlx::query("insert into identity.signing_keys (kid, sealed, created_at, signs_from) values ($1, $2, $3, $4)")
        .bind(&key.kid)
        .bind(&key.sealed)
        .bind(key.created_at)
        .bind(key.signs_from)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// Takes one out of use and destroys its private half.
pub async fn retire(tx: &mut SystemTx, kid: &str) -> Result<()> {
    let now = tx.now();
    sqlx::query("update identity.signing_keys set retired_at = $2, sealed = '' where kid = $1")
        .bind(kid)
        .bind(now)
        .execute(tx.sql())
        .await?;
    Ok(())
}
