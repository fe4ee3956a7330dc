//! Writes down which webhooks an event is to be delivered to.

use db::SystemTx;
use events::{Consumer, Envelope};

use crate::{store, webhook};

/// Hears of everything, and leaves a delivery for each webhook that wants it, in the commit that marks the event heard.
pub struct Enqueuer;

impl Consumer for Enqueuer {
    const NAME: &'static str = "webhooks";

    fn wants(&self, kind: &str) -> bool {
        webhook::reading(kind).is_some()
    }

    /// What an event tells is handed on as it is, whatever its shape.
    fn knows(&self, _: &str) -> u32 {
        u32::MAX
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        for (webhook, types) in store::sending::hearers(tx, event.tenant).await? {
            if webhook::is_told(&types, &event.kind)? {
                store::sending::insert(tx, (event.tenant, webhook), (event.id, &event.kind)).await?;
            }
        }
        Ok(())
    }
}
