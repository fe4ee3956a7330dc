//! `identity.lookup_keys`: one row, made once.

use db::{Result, SystemTx};

/// Which row there is.
pub const ROW: i16 = 1;

/// The key as it is kept; none before the first start.
pub async fn read(tx: &mut SystemTx) -> Result<Option<Vec<u8>>> {
    let sealed = sqlx::query_scalar("select sealed from identity.lookup_keys where key_id = $1")
        .bind(ROW)
        .fetch_optional(tx.sql())
        .await?;
    Ok(sealed)
}

/// Keeps a new one, unless there is one: of two at once the second waits, and keeps nothing. True if it is kept.
pub async fn insert(tx: &mut SystemTx, sealed: &[u8]) -> Result<bool> {
    let now = tx.now();
    let kept = sqlx::query(
        "insert into identity.lookup_keys (key_id, sealed, created_at) values ($1, $2, $3) on conflict do nothing",
    )
    .bind(ROW)
    .bind(sealed)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(kept.rows_affected() == 1)
}
