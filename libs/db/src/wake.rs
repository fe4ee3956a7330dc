use std::sync::Arc;

use tokio::sync::Notify;

/// Wakes readers of the outbox and reconcilers in this process after a commit.
///
/// It carries no content: whoever wakes reads the truth from the database. Processes elsewhere find the same rows at
/// their next round.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Something was committed.
    pub fn ring(&self) {
        self.0.notify_waiters();
    }

    /// Waits for a commit of this process, at most `limit`.
    pub async fn wait(&self, limit: std::time::Duration) {
        // Either way the caller looks at the database next.
        let _ = tokio::time::timeout(limit, self.0.notified()).await;
    }
}
