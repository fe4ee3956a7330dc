use db::SystemTx;
use events::{Consumer, Envelope};

use crate::entry;
use crate::store;

/// Writes the log: takes the entries that services put on the bus in the commits of their acts, numbers them per tenant
/// and seals what they tell.
pub struct Recorder;

impl Consumer for Recorder {
    const NAME: &'static str = "audit";
    const SEALS: bool = true;

    fn wants(&self, kind: &str) -> bool {
        kind == db::AUDIT
    }

    /// 2: what it tells is sealed on the bus; 1: from before it was.
    fn knows(&self, _kind: &str) -> u32 {
        2
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let told = tx.told((event.tenant, event.id), event.version, &event.data)?;
        let sealed = entry::seal(tx.keys(event.tenant), event.tenant, &told)?;
        Ok(store::events::append(tx, event.tenant, &told, &sealed).await?)
    }
}
