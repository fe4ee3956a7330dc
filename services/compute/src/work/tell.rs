//! Tells owners that a host fell silent, or can be heard again.
//!
//! Both happen without anybody writing a row: the status of a machine turns to `unknown` because time passes. Whoever
//! reads it sees that at once, since the status is computed; whoever listens to events would never hear of it. So one
//! process, under a lease, compares what owners were last told with what is so. The lease saves work and is checked in
//! each commit all the same: a process that slept past it must not repeat old news.

use db::{Db, Reason};
use ids::{EventId, TenantId, VmId};

use super::{Pace, Point, Rounds, Stops};
use crate::events::VmUpdated;
use crate::store::leases::{self, Lease};
use crate::store::vms;
use crate::vm::SILENT_AFTER_S;

const RESOURCE: &str = "compute.tell";

/// Tells owners that a host fell silent, or can be heard again.
pub struct Teller {
    /// The database.
    pub db: Db,
    /// How patient it is.
    pub pace: Pace,
    /// Where tests stop it.
    pub stops: Stops,
    /// Who it is, among all processes.
    pub holder: EventId,
}

impl Rounds for Teller {
    async fn round(&self) -> Result<usize, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let lease = leases::take(&mut tx, RESOURCE, self.holder, self.pace.lease_s).await?;
        tx.commit().await?;
        let Some(lease) = lease else { return Ok(0) };
        self.stops.pass(Point::Leased)?;

        let mut tx = self.db.system(Reason::Reconcile).await?;
        let mistold = vms::mistold(&mut tx, SILENT_AFTER_S, i64::from(self.pace.batch)).await?;
        drop(tx);
        let mut told = 0;
        for (tenant, vm) in mistold {
            told += usize::from(self.tell(&lease, tenant, vm).await?);
        }
        Ok(told)
    }
}

impl Teller {
    pub(super) async fn tell(&self, lease: &Lease, tenant: TenantId, id: VmId) -> Result<bool, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        if !leases::holds(&mut tx, lease).await? {
            return Ok(false);
        }
        let Some(vm) = vms::lock(&mut tx, tenant, id).await? else {
            return Ok(false);
        };
        let mut next = vm.clone();
        if !next.retell(&vm, tx.now()) || !vms::save(&mut tx, &next).await? {
            return Ok(false);
        }
        tx.emit(tenant, &VmUpdated::of(&next))?;
        tx.commit().await?;
        self.stops.pass(Point::Told)?;
        Ok(true)
    }
}
