//! Gives up what took too long.
//!
//! A machine for which there is no room is given up after `placement_timeout_s`, an intent that its host does not carry
//! out after `operation_timeout_s`. Giving up ends the operation and makes the status `failed`, with the last reason. It
//! takes nothing back: the machine keeps its room and its quota until it is deleted, the host goes on trying, and if it
//! succeeds after all the status says so. A new intent (`:start`, `:stop`) begins anew.
//!
//! Deleting is never given up: until the host says that the machine is gone it may still be running.

use db::{Db, Reason};
use ids::{TenantId, VmId};

use super::{Pace, Point, Rounds, Stops};
use crate::events::VmUpdated;
use crate::store::{operations, vms};
use crate::vm::LastError;

/// Gives up what took too long.
pub struct GiverUp {
    /// The database.
    pub db: Db,
    /// How patient it is.
    pub pace: Pace,
    /// Where tests stop it.
    pub stops: Stops,
}

impl Rounds for GiverUp {
    async fn round(&self) -> Result<usize, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let overdue = vms::overdue(&mut tx, i64::from(self.pace.batch)).await?;
        drop(tx);
        if overdue.is_empty() {
            return Ok(0);
        }
        self.stops.pass(Point::Overdue)?;

        for (tenant, vm) in &overdue {
            self.give_up(*tenant, *vm).await?;
        }
        Ok(overdue.len())
    }
}

impl GiverUp {
    async fn give_up(&self, tenant: TenantId, id: VmId) -> Result<(), fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let Some(vm) = vms::lock(&mut tx, tenant, id).await? else {
            return Ok(());
        };
        // It may have been reached, or wanted otherwise, since it was found.
        if !vms::is_overdue(&mut tx, tenant, id).await? {
            return Ok(());
        }
        let mut next = vm.clone();
        next.intent.given_up = true;
        next.last_error = Some(vm.last_error.clone().unwrap_or_else(|| {
            let waited = if vm.seat.host.is_some() {
                "The host did not carry it out in time."
            } else {
                "It found no host in time."
            };
            LastError::new("timeout", waited)
        }));
        let visible = next.retell(&vm, tx.now());
        vms::save(&mut tx, &next).await?;
        operations::end(&mut tx, (tenant, id), vm.intent.generation, next.last_error.as_ref()).await?;
        if visible {
            tx.emit(tenant, &VmUpdated::of(&next))?;
        }
        tx.commit().await?;
        Ok(self.stops.pass(Point::GivenUp)?)
    }
}
