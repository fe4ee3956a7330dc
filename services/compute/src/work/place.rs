//! Finds hosts for machines that have none.
//!
//! # One round
//! 1. **Claim** (a commit): take machines that are due, skipping those that other placers hold, and raise each one's
//!    placement epoch. The claim is a promise to be back within `claim_s`; whoever dies breaks it and nothing else.
//! 2. **Decide** (no database): `placement::decide`, a pure function of one snapshot of the hosts. As the round goes on,
//!    the snapshot is charged with what this round placed, so that a batch spreads as single machines would.
//! 3. **Seat** (a commit per machine): claim room on the best host by one conditional update, write the allocation, seat
//!    the machine, keep the record, start its operation, tell its owner. A host that filled up meanwhile costs one update;
//!    the next of the order is tried.
//! 4. **Or refuse** (a commit): the machine stays queued, says why, and is due again after a delay with full jitter, or
//!    as soon as `finish` gives room back.
//!
//! # What it guarantees
//! - **No host is ever over its capacity**, at any interleaving of any number of placers: the capacity check and the claim
//!   are one statement on one row, and the allocation shares its commit.
//! - **No machine has two places.** Seating asks for the epoch of the claim. A placer that was paused past its claim finds a
//!   higher epoch, and its whole transaction, the room included, rolls back.
//! - **No room leaks.** There is no moment at which room is taken and no row says for whom.
//! - **One code path.** First try, retry and the try after a crash are the same: all state is in the row.
//!
//! # What it does not do
//! Move machines off silent hosts: such a host may still run them, and a second copy would be worse than a late one.

use db::{Db, Reason};

use super::{Pace, Point, Rounds, Stops};
use crate::events::VmUpdated;
use crate::placement::{self, Decision, HostSnapshot, Record};
use crate::store::placements::Waiting;
use crate::store::{allocations, operations, placements, vms};
use crate::vm::{SILENT_AFTER_S, Vm};

/// Finds hosts for machines that have none.
pub struct Placer {
    /// The database.
    pub db: Db,
    /// How patient it is.
    pub pace: Pace,
    /// Where tests stop it.
    pub stops: Stops,
}

/// What became of one attempt to seat a machine on one host.
enum Seated {
    Yes,
    Full,
    /// The claim is void: another attempt began, or the machine is wanted no more.
    Void,
}

impl Rounds for Placer {
    async fn round(&self) -> Result<usize, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let claimed = placements::claim(&mut tx, i64::from(self.pace.batch), self.pace.claim_s).await?;
        tx.commit().await?;
        if claimed.is_empty() {
            return Ok(0);
        }
        self.stops.pass(Point::Claimed)?;

        let mut tx = self.db.system(Reason::Reconcile).await?;
        let mut hosts = placements::hosts(&mut tx, None).await?;
        drop(tx);
        for vm in &claimed {
            self.place(&mut hosts, vm).await?;
        }
        Ok(claimed.len())
    }
}

impl Placer {
    pub(super) async fn place(&self, hosts: &mut [HostSnapshot], vm: &Waiting) -> Result<(), fault::Error> {
        self.count_kin(hosts, vm).await?;
        let Decision { ranked, record } = placement::decide(hosts, &vm.need);
        self.stops.pass(Point::Decided)?;

        for (tried, id) in ranked.into_iter().enumerate() {
            let Some(host) = hosts.iter_mut().find(|host| host.id == id) else {
                continue;
            };
            match self.seat(vm, host, record.clone().placed(tried, &host.alias)).await? {
                Seated::Yes => {
                    host.charge(vm.need.size);
                    return Ok(self.stops.pass(Point::Placed)?);
                }
                Seated::Void => return Ok(()),
                // Others were faster: whatever the snapshot says, nothing of this size goes there in this round.
                Seated::Full => host.charge(vm.need.size),
            }
        }
        self.refuse(vm, &record.crowded_out()).await
    }

    /// Machines of a group avoid each other, so the snapshot has to say where the others are. Most have no group.
    async fn count_kin(&self, hosts: &mut [HostSnapshot], vm: &Waiting) -> Result<(), fault::Error> {
        for host in hosts.iter_mut() {
            host.kin = 0;
        }
        let Some(group) = &vm.group else { return Ok(()) };
        let mut tx = self.db.system(Reason::Reconcile).await?;
        let kin = placements::hosts(&mut tx, Some((vm.tenant, vm.project, group))).await?;
        for host in hosts.iter_mut() {
            host.kin = kin
                .iter()
                .find(|other| other.id == host.id)
                .map_or(0, |other| other.kin);
        }
        Ok(())
    }

    async fn seat(&self, vm: &Waiting, host: &HostSnapshot, record: Record) -> Result<Seated, fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        if !allocations::claim(&mut tx, vm, host.id, SILENT_AFTER_S).await? {
            return Ok(Seated::Full);
        }
        if !placements::seat(&mut tx, vm, host.id, self.pace.operation_timeout_s).await? {
            return Ok(Seated::Void);
        }
        allocations::insert(&mut tx, vm, host.id).await?;
        placements::keep(&mut tx, vm, &record).await?;
        operations::start(&mut tx, vm.tenant, vm.id).await?;
        tell(&mut tx, vm, |next| next.last_error = None).await?;
        self.stops.pass(Point::Seating)?;
        tx.commit().await?;
        Ok(Seated::Yes)
    }

    async fn refuse(&self, vm: &Waiting, record: &Record) -> Result<(), fault::Error> {
        let mut tx = self.db.system(Reason::Reconcile).await?;
        if !placements::requeue(&mut tx, vm, self.pace.retry_base_s, self.pace.retry_cap_s).await? {
            return Ok(());
        }
        placements::keep(&mut tx, vm, record).await?;
        tell(&mut tx, vm, |next| {
            next.last_error = Some(placements::no_capacity(record));
        })
        .await?;
        tx.commit().await?;
        Ok(self.stops.pass(Point::Refused)?)
    }
}

/// Writes what changed for the machine's owner, and says it if they can see it.
async fn tell(tx: &mut db::SystemTx, waiting: &Waiting, change: impl FnOnce(&mut Vm)) -> Result<(), fault::Error> {
    let Some(vm) = vms::lock(tx, waiting.tenant, waiting.id).await? else {
        return Ok(());
    };
    let mut before = vm.clone();
    // It was told of no host; the row already names one.
    before.seat.host = None;
    let mut next = vm;
    change(&mut next);
    if next.retell(&before, tx.now()) && vms::save(tx, &next).await? {
        tx.emit(next.tenant, &VmUpdated::of(&next))?;
    }
    Ok(())
}
