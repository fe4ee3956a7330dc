use std::time::Duration;

use db::{Db, Reason};

/// How often it is looked for what may be forgotten.
pub const PERIOD: Duration = Duration::from_mins(10);
/// Rows per commit: locks are held briefly.
const BATCH: u64 = 2_000;

/// Removes some of what was kept for `Idempotency-Key`s and may be asked for no more: true where there may be more. Any number
/// of processes may do it.
pub async fn round(db: &Db) -> db::Result<bool> {
    let mut tx = db.system(Reason::Housekeeping).await?;
    let gone = tx.forget_replies(i64::try_from(BATCH).unwrap_or(i64::MAX)).await?;
    tx.commit().await?;
    Ok(gone >= BATCH)
}
