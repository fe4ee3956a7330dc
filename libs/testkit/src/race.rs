use clock::Clock;
use db::{Db, Wake};
use tokio::sync::Barrier;

use crate::Bench;

/// How many run.
pub const RUNNERS: u32 = 50;
/// How often, where nobody may ever come second: no second winner in so many rounds bounds their rate at 3 in 1,000.
pub const ROUNDS: u32 = 1_000;

impl Bench {
    /// The database as the service of this name sees it, with a connection for each runner of a race.
    pub fn crowd(&self, service: &str) -> Db {
        let to = db::Connect {
            connections: RUNNERS,
            ..self.connect()
        };
        Db::connect(&to, service, Clock::clone(&self.clock), Wake::default())
            .expect("options")
            .with_keys(self.keyring.clone())
    }
}

/// Lets everybody `begin`, a transaction for instance, and `act` once all have begun: those that look before they leap
/// have all looked at the same state. What became of each.
pub async fn race<Tx, T>(begin: impl AsyncFn() -> Tx, act: impl AsyncFn(Tx) -> T) -> Vec<T> {
    let started = Barrier::new(RUNNERS as usize);
    let run = async || {
        let ready = begin().await;
        started.wait().await;
        act(ready).await
    };
    futures::future::join_all((0..RUNNERS).map(|_| run())).await
}
