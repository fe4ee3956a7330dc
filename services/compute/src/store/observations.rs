//! What hosts say of machines. The set they are told is in `host_reports`.
//!
//! A report is a statement about state, so applying one twice, late or out of order must be harmless. Three comparisons
//! see to it: the caller of [`apply`] has fenced the session (an older process of the same host is refused before it gets
//! here), a word on an older placement than the present one is ignored, and the word of a host on a machine that stands
//! elsewhere is ignored too. What is left is the truth of the newest process on the newest placement.
//!
//! # When an intent is given up
//! The host tries for ever, ever more slowly. The intent is given up at once when the host says that trying cannot help
//! (`Fate::Hopeless`), and by time otherwise (`work::give_up`). Giving up stops nothing: it ends the operation and
//! shows `failed`. Should the host succeed after all, the status follows what is seen.

use std::collections::HashMap;

use crypto::KeyError;
use db::{Result, SystemTx};
use host_api::{Accepted, ConsoleAck, ConsoleTail, ErrorCode, ObservedPower, ObservedVm, PlacementEpoch, Remove};
use ids::{HostId, VmId};

use super::vms::row::{VmRow, select_vm};
use super::{consoles, operations, vms};
use crate::events::VmUpdated;
use crate::vm::{Fate, LastError, Power, Seen, Vm};

/// Applies what a host reports of machines. The caller has locked the host's row and checked the session's epoch in this
/// transaction: hosts before machines is the order of locks.
pub async fn apply(tx: &mut SystemTx, host: HostId, report: &[ObservedVm]) -> Result<Accepted, fault::Error> {
    let ids: Vec<VmId> = report.iter().map(|seen| seen.vm_id).collect();
    let rows: Vec<VmRow> = sqlx::query_as(select_vm!(
        "where v.vm_id = any($1) order by v.tenant_id, v.vm_id for update of v"
    ))
    .bind(&ids)
    .fetch_all(tx.sql())
    .await
    .map_err(db::Error::from)?;
    let mut known: HashMap<VmId, Vm> = rows.into_iter().map(Vm::from).map(|vm| (vm.id, vm)).collect();
    let mut tails = consoles::progress(tx, known.values()).await?;

    let mut accepted = Accepted::default();
    let mut strangers = Vec::new();
    for seen in report {
        match known.remove(&seen.vm_id) {
            Some(mut vm) if vm.seat.host.as_ref().is_some_and(|seat| seat.id == host) => {
                // It speaks: whatever its last heartbeat's age was, it is not silent.
                vm.seat.host.iter_mut().for_each(|seat| seat.silent_s = Some(0.0));
                observe(tx, &vm, seen).await?;
                let tail = tails.remove(&vm.id).unwrap_or_default();
                accepted.console.push(console(tx, &vm, seen, tail).await?);
            }
            // It stands elsewhere, or waits: what is here is an older placement's.
            Some(vm) if seen.power != ObservedPower::Absent && seen.epoch.0 < vm.seat.epoch => {
                accepted.remove.push(Remove {
                    vm_id: vm.id,
                    up_to: PlacementEpoch(vm.seat.epoch - 1),
                });
            }
            None if seen.power != ObservedPower::Absent => strangers.push(seen.vm_id),
            Some(_) | None => {}
        }
    }
    accepted.remove.extend(buried(tx, &strangers).await?);
    Ok(accepted)
}

/// Only a word on the present placement counts.
async fn observe(tx: &mut SystemTx, vm: &Vm, report: &ObservedVm) -> Result<(), fault::Error> {
    if report.epoch.0 != vm.seat.epoch {
        tracing::debug!(vm = %vm.id, epoch = report.epoch.0, present = vm.seat.epoch, "a word on another placement");
        return Ok(());
    }
    let mut next = vm.clone();
    next.seen = Some(merge(vm.seen.as_ref(), report));
    next.last_error = error(&next, report);
    let hopeless = report
        .error
        .as_ref()
        .filter(|error| Fate::of(error.code) == Fate::Hopeless);
    let ended = next.reached() || (hopeless.is_some() && next.intent.power != Power::Absent);
    next.intent.given_up = !next.reached() && (vm.intent.given_up || ended);
    let visible = next.retell(vm, tx.now());
    if next == *vm {
        return Ok(());
    }
    if !vms::save(tx, &next).await? {
        return Ok(());
    }
    // The end of a machine is `finish`'s: rows, room and quota go in one commit.
    if ended && next.intent.power != Power::Absent {
        let failure = next.last_error.as_ref().filter(|_| next.intent.given_up);
        operations::end(tx, (vm.tenant, vm.id), next.intent.generation, failure).await?;
    }
    if visible {
        tx.emit(vm.tenant, &VmUpdated::of(&next))?;
    }
    Ok(())
}

/// While the power is not known the generation means nothing, so the last known one is kept.
fn merge(before: Option<&Seen>, report: &ObservedVm) -> Seen {
    let reboots = i32::try_from(report.reboots).unwrap_or(i32::MAX);
    if report.power == ObservedPower::Unknown {
        let (generation, reboots) = before.map_or((0, 0), |seen| (seen.generation, seen.reboots));
        return Seen {
            power: report.power,
            generation,
            reboots,
            stop_cause: None,
        };
    }
    Seen {
        power: report.power,
        generation: report.generation.0,
        reboots,
        stop_cause: report.stop_cause,
    }
}

/// What the owner may know of the host's trouble: its kind. The host's own words may name its paths; they go to the log.
fn error(vm: &Vm, report: &ObservedVm) -> Option<LastError> {
    let Some(error) = &report.error else {
        // An intent that was given up keeps its reason until it is reached or changed.
        return vm.last_error.clone().filter(|_| vm.intent.given_up && !vm.reached());
    };
    tracing::warn!(vm = %vm.id, code = ?error.code, detail = %error.detail, "the host cannot carry out an intent");
    let (code, detail) = match error.code {
        ErrorCode::ImageUnavailable => ("image_unavailable", "The host cannot fetch the image yet."),
        ErrorCode::ImageCorrupt => ("image_corrupt", "The image is not what it was registered as."),
        ErrorCode::DiskFailed => ("disk_failed", "The host cannot make or change the disk."),
        ErrorCode::DefineFailed => ("define_failed", "The host cannot define the machine."),
        ErrorCode::StartFailed => ("start_failed", "The host cannot start the machine."),
        ErrorCode::StopFailed => ("stop_failed", "The host cannot stop the machine."),
        ErrorCode::RemoveFailed => ("remove_failed", "The host cannot remove the machine."),
        ErrorCode::StaleIntent => ("stale_intent", "The host holds a newer intent than was asked for."),
        ErrorCode::DiskShrink => ("disk_shrink", "A disk cannot shrink."),
        ErrorCode::ForeignDomain => ("foreign_domain", "The host has something else under this id."),
        ErrorCode::LibvirtUnavailable => ("host_unavailable", "The host's virtualisation does not answer."),
        ErrorCode::Internal => ("host_internal", "The host has a fault of its own."),
    };
    Some(LastError::new(code, detail))
}

/// Takes what a machine printed, if anything; `known` is how far its console is known.
async fn console(
    tx: &mut SystemTx,
    vm: &Vm,
    seen: &ObservedVm,
    known: ConsoleTail,
) -> Result<ConsoleAck, fault::Error> {
    let Some(chunk) = seen.console.as_ref().filter(|_| seen.epoch.0 == vm.seat.epoch) else {
        return Ok(known.ack(vm.id));
    };
    // What cannot be sealed now is not taken: the host says it again.
    let keys = match tx.keys(vm.tenant) {
        Err(KeyError::Unreadable) => return Err(KeyError::Unreadable.into()),
        Err(error) => {
            tracing::debug!(vm = %vm.id, %error, "a console waits for its tenant's keys");
            return Ok(known.ack(vm.id));
        }
        Ok(keys) => keys,
    };
    let mut tail = consoles::fetch(tx, &keys, vm).await?;
    if tail.take(chunk) {
        consoles::keep(tx, &keys, vm, &tail).await?;
    }
    Ok(tail.ack(vm.id))
}

/// Machines that were removed on purpose: whatever is still there of them goes. Of others nothing is known, so they stay.
async fn buried(tx: &mut SystemTx, strangers: &[VmId]) -> Result<Vec<Remove>> {
    if strangers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(VmId, i64)> = sqlx::query_as("select vm_id, epoch from compute.tombstones where vm_id = any($1)")
        .bind(strangers)
        .fetch_all(tx.sql())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(vm_id, epoch)| Remove {
            vm_id,
            up_to: PlacementEpoch(epoch),
        })
        .collect())
}
