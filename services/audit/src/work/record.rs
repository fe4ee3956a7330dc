use db::{AuditEvent, SystemTx};
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

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let told: AuditEvent = serde_json::from_value(event.data.clone()).map_err(fault::Error::internal)?;
        let sealed = entry::seal(tx.keys(event.tenant), event.tenant, &told)?;
        Ok(store::events::append(tx, event.tenant, &told, &sealed).await?)
    }
}
