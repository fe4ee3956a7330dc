use db::{Db, Listener, Reason};

use crate::consumer::{HELD, ROUND};
use crate::{Envelope, Position, backoff, store};

const BATCH: usize = 500;

/// Follows the feed of every tenant from now on, for those who pass it on and keep no cursor. One of these serves any
/// number of listeners, and holds no transaction while it waits.
#[derive(Debug)]
pub struct Tail {
    db: Db,
    bell: Listener,
    reached: Option<Position>,
    held: bool,
    failures: u32,
}

impl Tail {
    /// Begins at the feed's end of the moment of the first [`Tail::next`]: at the oldest transaction that is then open.
    pub fn new(db: Db) -> Self {
        let bell = db.wake().listen();
        Self {
            db,
            bell,
            reached: None,
            held: false,
            failures: 0,
        }
    }

    /// How far it has read; none before the database was reached for the first time.
    pub const fn reached(&self) -> Option<Position> {
        self.reached
    }

    /// Waits for what comes next, in order. The first answer is empty and tells that there is a position now.
    /// Database failures are waited out. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Vec<Envelope> {
        loop {
            match self.look().await {
                Ok(Some(events)) => {
                    self.failures = 0;
                    return events;
                }
                Ok(None) => {
                    self.failures = 0;
                    self.bell.wait(if self.held { HELD } else { ROUND }).await;
                }
                Err(error) => {
                    self.failures = self.failures.saturating_add(1);
                    tracing::warn!(failures = self.failures, ?error, "the feed cannot be read");
                    tokio::time::sleep(backoff::pause(self.failures)).await;
                }
            }
        }
    }

    async fn look(&mut self) -> db::Result<Option<Vec<Envelope>>> {
        let mut tx = self.db.system(Reason::Relay).await?;
        let Some(reached) = self.reached else {
            self.reached = Some(store::end(&mut tx).await?);
            return Ok(Some(Vec::new()));
        };
        let batch = store::next(&mut tx, reached, BATCH).await?;
        self.held = batch.held;
        let Some(last) = batch.events.last() else {
            return Ok(None);
        };
        self.reached = Some(last.position);
        Ok(Some(batch.events))
    }
}
