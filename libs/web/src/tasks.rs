use std::sync::Arc;
use std::time::Duration;

use db::Db;
use futures::FutureExt;
use futures::future::BoxFuture;
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

    /// Starts work that is done in rounds. The next follows at once where one says that there may be more, and otherwise, or
    /// when it failed, after `pause`. One that is dropped at the end is rolled back, and done by whoever comes next.
    pub fn rounds<S, E, F>(&self, name: &'static str, pause: Duration, state: &Arc<S>, round: F)
    where
        S: Send + Sync + 'static,
        E: std::fmt::Debug + Send,
        F: for<'s> Fn(&'s S) -> BoxFuture<'s, Result<bool, E>> + Send + Sync + 'static,
    {
        let (state, shutdown) = (Arc::clone(state), self.shutdown.clone());
        self.spawn(name, async move {
            let work = async {
                loop {
                    match round(&state).await {
                        Ok(true) => {}
                        Ok(false) => tokio::time::sleep(pause).await,
                        Err(error) => {
                            tracing::warn!(worker = name, ?error, "a round ended early");
                            tokio::time::sleep(pause).await;
                        }
                    }
                }
            };
            tokio::select! { () = shutdown.cancelled() => {}, () = work => {} }
        });
    }

    /// Starts what every service that changes things needs: it forgets the answers it kept for `Idempotency-Key`s.
    pub fn forget_replies(&self, db: &Db) {
        let db = Arc::new(db.clone());
        self.rounds("old replies", replies::PERIOD, &db, |db| replies::round(db).boxed());
    }

    /// Waits until the last worker has ended.
    pub async fn drain(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}
