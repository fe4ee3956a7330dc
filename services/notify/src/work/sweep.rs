//! Old deliveries go.

use std::sync::Arc;
use std::time::Duration;

use db::Reason;
use tokio_util::sync::CancellationToken;

use crate::state::Notify;
use crate::store;

const PERIOD: Duration = Duration::from_mins(10);
const BATCH: i64 = 2_000;

/// Works until `shutdown`.
pub async fn run(notify: Arc<Notify>, shutdown: CancellationToken) {
    loop {
        let pause = match round(&notify).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => PERIOD,
            Err(error) => {
                tracing::warn!(?error, "old deliveries cannot be removed");
                PERIOD
            }
        };
        tokio::select! { () = shutdown.cancelled() => return, () = tokio::time::sleep(pause) => {} }
    }
}

/// Removes one batch. True if there may be more.
pub async fn round(notify: &Notify) -> db::Result<bool> {
    let mut tx = notify.db.system(Reason::Housekeeping).await?;
    let gone = store::sending::sweep(&mut tx, BATCH).await?;
    tx.commit().await?;
    Ok(gone >= BATCH.unsigned_abs())
}
