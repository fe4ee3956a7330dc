use crypto::Kek;
use db::{AuditEvent, SystemTx};
use events::{Consumer, Envelope};

use crate::entry;
use crate::store;

/// Writes the log: takes the entries that services put on the bus in the commits of their acts, numbers them per tenant
/// and seals what they tell.
pub struct Recorder {
    /// What the changes are sealed with.
    pub kek: Kek,
}

impl Consumer for Recorder {
    const NAME: &'static str = "audit";

    fn wants(&self, kind: &str) -> bool {
        kind == db::AUDIT
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let told: AuditEvent = serde_json::from_value(event.data.clone()).map_err(fault::Error::internal)?;
        let sealed = entry::seal(&self.kek, event.tenant, &told).map_err(fault::Error::internal)?;
        Ok(store::events::append(tx, event.tenant, &told, &sealed).await?)
    }
}
