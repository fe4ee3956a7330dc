use std::time::Duration;

use db::SystemTx;
use events::{Consumer, Envelope, Failed};

use crate::entry;
use crate::store;

/// Writes the log: takes the entries that services put on the bus in the commits of their acts, numbers them per tenant
/// and seals what they tell.
pub struct Recorder;

impl Consumer for Recorder {
    const NAME: &'static str = "audit";
    const SEALS: bool = true;
    /// A moment's wait for the log costs nobody anything; a commit for each entry costs as much as what it tells of.
    const GATHERS: Duration = Duration::from_millis(100);

    fn wants(&self, kind: &str) -> bool {
        kind == db::AUDIT
    }

    /// 2: what it tells is sealed on the bus; 1: from before it was.
    fn knows(&self, _kind: &str) -> u32 {
        2
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let applied = self.apply_all(tx, &[event]).await;
        applied.map_err(|failed| failed.error)
    }

    async fn apply_all(&self, tx: &mut SystemTx, events: &[&Envelope]) -> Result<(), Failed> {
        let mut lines = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let this = |error| Failed { at: Some(at), error };
            let told = tx.told((event.tenant, event.id), event.version, &event.data);
            let told = told.map_err(this)?;
            let sealed = entry::seal(tx.keys(event.tenant), event.tenant, &told).map_err(this)?;
            lines.push((event.tenant, told, sealed));
        }
        Ok(store::events::append(tx, &lines).await?)
    }
}
