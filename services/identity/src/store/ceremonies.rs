//! `identity.ceremonies`.

use auth::Action;
use chrono::{DateTime, Utc};
use crypto::Kek;
use db::{Change, Result, SystemTx};
use sqlx::PgConnection;

use crate::factor::passkey::ceremony::{Ceremony, PATIENCE};
use crate::once::TokenDigest;

/// Keeps a question that waits for its answer.
pub async fn insert(
    tx: &mut SystemTx,
    kek: &Kek,
    token: TokenDigest,
    ceremony: &Ceremony,
) -> std::result::Result<(), fault::Error> {
    let now = tx.now();
    write(tx.sql(), now, kek, token, ceremony).await
}

/// Keeps a question to whoever is signed in.
pub async fn insert_with<A: Action>(
    tx: &mut Change<A>,
    kek: &Kek,
    token: TokenDigest,
    ceremony: &Ceremony,
) -> std::result::Result<(), fault::Error> {
    let now = tx.now();
    write(tx.sql(), now, kek, token, ceremony).await
}

async fn write(
    sql: &mut PgConnection,
    now: DateTime<Utc>,
    kek: &Kek,
    token: TokenDigest,
    ceremony: &Ceremony,
) -> std::result::Result<(), fault::Error> {
    let sealed = ceremony.seal(kek, token).map_err(fault::Error::internal)?;
    sqlx::query("insert into identity.ceremonies (token_hash, sealed, expires_at, created_at) values ($1, $2, $3, $4)")
        .bind(token)
        .bind(sealed)
        .bind(now + PATIENCE)
        .bind(now)
        .execute(sql)
        .await
        .map_err(db::Error::from)?;
    Ok(())
}

/// Takes a question away, if it still waits: of fifty answers to it, one is looked at.
pub async fn take(
    tx: &mut SystemTx,
    kek: &Kek,
    token: TokenDigest,
) -> std::result::Result<Option<Ceremony>, fault::Error> {
    let now = tx.now();
    remove(tx.sql(), now, kek, token).await
}

/// The same for whoever is signed in.
pub async fn take_with<A: Action>(
    tx: &mut Change<A>,
    kek: &Kek,
    token: TokenDigest,
) -> std::result::Result<Option<Ceremony>, fault::Error> {
    let now = tx.now();
    remove(tx.sql(), now, kek, token).await
}

async fn remove(
    sql: &mut PgConnection,
    now: DateTime<Utc>,
    kek: &Kek,
    token: TokenDigest,
) -> std::result::Result<Option<Ceremony>, fault::Error> {
    let sealed: Option<Vec<u8>> = sqlx::query_scalar(
        "delete from identity.ceremonies where token_hash = $1 and expires_at > $2 returning sealed",
    )
    .bind(token)
    .bind(now)
    .fetch_optional(sql)
    .await
    .map_err(db::Error::from)?;
    sealed
        .map(|sealed| Ceremony::open(kek, token, &sealed).map_err(fault::Error::internal))
        .transpose()
}

/// Removes some that nobody waits for any more; answers how many.
pub async fn remove_expired(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let now = tx.now();
    let removed = sqlx::query(
        "delete from identity.ceremonies where token_hash in
           (select token_hash from identity.ceremonies where expires_at < $1 limit $2 for update skip locked)",
    )
    .bind(now)
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
