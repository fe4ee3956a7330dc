//! Ends machines that should not be and are not any more.
//!
//! Everything a machine holds is given back in one commit: its room on the host, its quota, its rows; the operation
//! succeeds and the event goes out with it. So there is no order in which a crash could leave a part behind, nothing to
//! undo, and nothing to do twice: whoever comes second finds no row.
//!
//! It acts on the host's own word, on this placement and this intent. "Not in the report" is not "gone", and neither is
//! silence: a machine on a host that cannot be heard stays `deleting`, and its room stays taken, until the host says so.

use db::{Db, Reason};
use ids::{TenantId, VmId};

use super::{Pace, Point, Rounds, Stops};
use crate::events::VmDeleted;
use crate::store::{allocations, operations, placements, quotas, vms};

/// Ends machines that should not be and are not any more.
pub struct Finisher {
    /// The database.
    pub db: Db,
    /// How patient it is.
    pub pace: Pace,
    /// Where tests stop it.
    pub stops: Stops,
}

impl Rounds for Finisher {
    async fn round(&self) -> Result<usize, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let gone = vms::gone(&mut tx, i64::from(self.pace.batch)).await?;
        drop(tx);
        if gone.is_empty() {
            return Ok(0);
        }
        self.stops.pass(Point::Found)?;

        for (tenant, vm) in &gone {
            self.remove(*tenant, *vm).await?;
        }
        Ok(gone.len())
    }
}

impl Finisher {
    async fn remove(&self, tenant: TenantId, id: VmId) -> Result<(), fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        // Host before machine: the order of locks.
        let had_room = allocations::release(&mut tx, tenant, id).await?;
        let Some(vm) = vms::lock(&mut tx, tenant, id).await? else {
            return Ok(());
        };
        let Some(size) = vms::remove(&mut tx, tenant, id).await? else {
            return Ok(());
        };
        quotas::release(&mut tx, tenant, size).await?;
        operations::end(&mut tx, (tenant, id), vm.intent.generation, None).await?;
        if had_room {
            placements::hurry(&mut tx, i64::from(self.pace.batch)).await?;
        }
        tx.emit(tenant, &VmDeleted::of(&vm))?;
        self.stops.pass(Point::Removing)?;
        tx.commit().await?;
        Ok(self.stops.pass(Point::Removed)?)
    }
}
