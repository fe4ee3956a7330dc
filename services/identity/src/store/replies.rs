//! `identity.replies`, which `libs/db` writes.

use db::{Result, SystemTx};

/// Removes some of the answers kept for `Idempotency-Key`s for more than a day; answers how many.
pub async fn remove_old(tx: &mut SystemTx, at_most: i64) -> Result<u64> {
    let removed = sqlx::query(
        "delete from identity.replies where (tenant_id, principal, key) in
           (select tenant_id, principal, key from identity.replies
            where created_at < now() - interval '24 hours' limit $1 for update skip locked)",
    )
    .bind(at_most)
    .execute(tx.sql())
    .await?;
    Ok(removed.rows_affected())
}
