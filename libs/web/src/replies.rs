use std::time::Duration;

use db::{Db, Reason};
use tokio_util::sync::CancellationToken;

const PERIOD: Duration = Duration::from_mins(10);
/// Rows per commit: locks are held briefly.
const BATCH: u64 = 2_000;

/// Removes what was kept for `Idempotency-Key`s and may be asked for no more, until `shutdown`. Any number of processes
/// may do it.
pub async fn forget(db: Db, shutdown: CancellationToken) {
    loop {
        let pause = match round(&db).await {
            Ok(gone) if gone >= BATCH => Duration::ZERO,
            Ok(_) => PERIOD,
            Err(error) => {
                tracing::warn!(%error, "old replies cannot be removed");
                PERIOD
            }
        };
        tokio::select! { () = shutdown.cancelled() => return, () = tokio::time::sleep(pause) => {} }
    }
}

async fn round(db: &Db) -> db::Result<u64> {
    let mut tx = db.system(Reason::Housekeeping).await?;
    let gone = tx.forget_replies(i64::try_from(BATCH).unwrap_or(i64::MAX)).await?;
    tx.commit().await?;
    Ok(gone)
}
