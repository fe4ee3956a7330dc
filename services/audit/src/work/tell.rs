//! Tells each tenant of its newest checkpoint, now and then: what it keeps outside the platform shows later that nothing before it
//! was changed.
//!
//! Not every checkpoint is news. The newest one covers all before it, so it is the only one to be told, and the last one of a
//! log that falls silent is told too. The event and the note that it was told are one commit. It makes no entry in the log,
//! so that telling of the log does not make it grow.

use std::time::Duration;

use db::Reason;

use crate::events::CheckpointSigned;
use crate::state::Audit;
use crate::store::{checkpoints, trees};

pub const LOOK: Duration = Duration::from_secs(1);

/// Tells one tenant, if there is one that has not been told for long enough.
pub async fn round(audit: &Audit) -> Result<bool, fault::Error> {
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    let before = tx.now() - audit.tell;
    let Some(tree) = trees::claim_untold(&mut tx, before).await? else {
        return Ok(false);
    };
    if let Some(signed) = checkpoints::of(&mut tx, tree.tenant, tree.size).await? {
        let told = CheckpointSigned::of(audit.log.origin(tree.tenant), &signed);
        tx.emit(tree.tenant, &told)?;
    }
    trees::set_told(&mut tx, tree).await?;
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
