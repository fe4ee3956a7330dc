//! Housekeeping: what has expired goes.

use std::time::Duration;

use db::{Db, Reason, Result};
use tokio_util::sync::CancellationToken;

use crate::store;

const PERIOD: Duration = Duration::from_secs(60);
/// Rows per commit: locks are held briefly, and several processes share the work.
const BATCH: i64 = 500;

/// Sweeps once a minute until `shutdown`.
pub async fn run(db: Db, shutdown: CancellationToken) {
    loop {
        match sweep(&db).await {
            Ok(0) => {}
            Ok(removed) => tracing::debug!(removed, "swept"),
            Err(error) => tracing::warn!(%error, "cannot sweep; trying again in a minute"),
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

/// Removes all there is to remove; answers how many rows.
pub async fn sweep(db: &Db) -> Result<u64> {
    let mut total = 0;
    loop {
        let mut tx = db.system(Reason::Housekeeping).await?;
        let removed = store::sessions::remove_expired(&mut tx, BATCH).await?
            + store::sessions::remove_replies(&mut tx, BATCH).await?
            + store::people::forget_addresses(&mut tx, BATCH).await?
            + store::guesses::remove_whole(&mut tx, BATCH).await?;
        tx.commit().await?;
        if removed == 0 {
            return Ok(total);
        }
        total += removed;
    }
}
