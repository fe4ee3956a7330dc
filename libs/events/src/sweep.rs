use std::time::Duration;

use db::{Db, Reason};
use tokio_util::sync::CancellationToken;

use crate::store;

/// How long audit entries stay on the bus once they are in the log: both are sealed, and one is enough.
pub const KEEP_ENTRIES: Duration = Duration::from_hours(1);
/// How long everything else stays for streams that come back.
pub const KEEP_EVENTS: Duration = Duration::from_hours(7 * 24);
const PERIOD: Duration = Duration::from_mins(1);
/// Rows per commit.
const BATCH: i64 = 2_000;

/// Removes old events until `shutdown`. Nothing goes that a consumer has yet to read. Any number of processes may run it.
pub async fn sweep(db: Db, shutdown: CancellationToken) {
    loop {
        let pause = match sweep_once(&db).await {
            Ok(more) if more => Duration::ZERO,
            Ok(_) => PERIOD,
            Err(error) => {
                tracing::warn!(?error, "old events cannot be removed");
                PERIOD
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Removes one batch of each kind. True if there may be more.
pub async fn sweep_once(db: &Db) -> db::Result<bool> {
    let now = db.clock().now();
    let mut tx = db.system(Reason::Housekeeping).await?;
    let entries = store::sweep_entries(&mut tx, now - KEEP_ENTRIES, BATCH).await?;
    let events = store::sweep_events(&mut tx, now - KEEP_EVENTS, BATCH).await?;
    let done = store::sweep_inbox(&mut tx, now - KEEP_EVENTS, BATCH).await?;
    if entries + events + done == 0 {
        return Ok(false);
    }
    tx.commit().await?;
    let full = BATCH.unsigned_abs();
    Ok(entries == full || events == full || done >= full)
}
