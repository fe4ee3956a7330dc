use std::time::Duration;

use tokio::sync::watch;

/// Wakes readers of the outbox and reconcilers in this process after a commit.
///
/// It carries no content: whoever wakes reads the truth from the database. Processes elsewhere find the same rows at
/// their next round, or are rung for with [`crate::Db::ring_across`].
#[derive(Clone, Debug, Default)]
pub struct Wake {
    all: watch::Sender<()>,
    /// For commits of this process alone.
    own: watch::Sender<()>,
}

impl Wake {
    /// Something was committed.
    pub fn ring(&self) {
        self.own.send_replace(());
        self.all.send_replace(());
    }

    /// Something was committed by another process.
    pub fn ring_from_afar(&self) {
        self.all.send_replace(());
    }

    /// Hears commits of this process alone.
    pub(crate) fn own(&self) -> Listener {
        Listener(self.own.subscribe())
    }

    /// Waits for a commit of this process from now on, at most `limit`.
    pub async fn wait(&self, limit: Duration) {
        self.listen().wait(limit).await;
    }

    /// Hears every commit from now on, those during the listener's own work included.
    pub fn listen(&self) -> Listener {
        Listener(self.all.subscribe())
    }
}

/// Remembers that it rang while nobody waited: a commit during a round starts the next one at once.
#[derive(Debug)]
pub struct Listener(watch::Receiver<()>);

impl Listener {
    /// Waits for a commit since the last wait, however long it takes.
    pub(crate) async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // Nobody is left who could ring.
            std::future::pending::<()>().await;
        }
    }

    /// Waits for a commit since the last wait, at most `limit`.
    pub async fn wait(&mut self, limit: Duration) {
        let rung = tokio::time::timeout(limit, self.0.changed()).await;
        if let Ok(Err(_)) = rung {
            // Nobody is left who could ring.
            tokio::time::sleep(limit).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_ring_during_the_listeners_work_is_not_lost() {
        let wake = Wake::default();
        let mut listener = wake.listen();
        wake.ring();
        let start = tokio::time::Instant::now();
        listener.wait(Duration::from_secs(9)).await;
        assert_eq!(start.elapsed(), Duration::ZERO, "it rang while nobody waited");
        listener.wait(Duration::from_secs(9)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(9), "one ring, one waking");
    }
}
