use db::Db;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::replies;

/// Runs a service's workers under one token, and waits for them at the end.
#[derive(Clone, Debug)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Tasks {
    /// Workers that stop when `shutdown` is cancelled.
    pub fn new(shutdown: CancellationToken) -> Self {
        Self {
            tracker: TaskTracker::new(),
            shutdown,
        }
    }

    /// What tells the workers to stop.
    pub const fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Starts a worker. One that ends by itself stops the service, since a service without its worker only looks
    /// alive.
    pub fn spawn(&self, name: &'static str, worker: impl Future<Output = ()> + Send + 'static) {
        let shutdown = self.shutdown.clone();
        #[expect(clippy::disallowed_methods, reason = "the tracked spawner itself")]
        let handle = tokio::spawn(worker);
        self.tracker.spawn(async move {
            let ended = handle.await;
            if !shutdown.is_cancelled() {
                tracing::error!(worker = name, panicked = ended.is_err(), "a worker ended by itself");
                shutdown.cancel();
            }
        });
    }

    /// Starts what every service that changes things needs: it forgets the answers it kept for `Idempotency-Key`s.
    pub fn forget_replies(&self, db: &Db) {
        self.spawn("old replies", replies::forget(db.clone(), self.shutdown.clone()));
    }

    /// Waits until the last worker has ended.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
