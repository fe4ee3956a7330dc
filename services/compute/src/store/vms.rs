//! `compute.vms`, as its owner reads and changes it.
//!
//! # The order of locks
//! Host before machine, everywhere: a report takes its host's row first (it fences the session) and then its machines',
//! a placer claims room before it seats, and so must whoever changes an intent. [`hold`] does it in that order although
//! it learns the host from the machine.

mod list;
mod remove;
pub(in crate::store) mod row;

use auth::Action;
use auth::action::vm;
use db::{Change, Granted, Read, Result, SystemTx};
use ids::{IdOrName, TenantId, VmId};
use scope::Project;
use sqlx::types::Json;

pub use list::{Filter, list};
pub use remove::{gone, is_overdue, mistold, overdue, remove};
use row::{VmRow, cause_word, desired_word, observed_word, select_vm};

use crate::vm::{Chosen, Intent, NewVm, Renamed, Vm};
use crate::work::Pace;

/// Writes a new machine, waiting for its place.
pub async fn insert(
    tx: &mut Change<vm::Create>,
    project: &Granted<Project, vm::Create>,
    new: &NewVm,
    chosen: &Chosen,
    pace: &Pace,
) -> Result<Vm> {
    let (id, now) = (VmId::mint(), tx.now());
    sqlx::query(
        "insert into compute.vms (tenant_id, vm_id, project_id, name, labels, flavor_id, flavor, vcpus, memory_mib,
             disk_gib, image_id, image, boot, pool_id, policy, placement_group, due_at, status, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,
                 now() + make_interval(secs => $17), 'queued', $18, $18)",
    )
    .bind(project.tenant)
    .bind(id)
    .bind(project.id)
    .bind(&new.name)
    .bind(Json(new.labels.as_map()))
    .bind(chosen.flavor.0)
    .bind(&chosen.flavor.1)
    .bind(chosen.size.vcpus)
    .bind(chosen.size.memory_mib)
    .bind(chosen.size.disk_gib)
    .bind(chosen.image.0)
    .bind(&chosen.image.1)
    .bind(Json(&chosen.boot))
    .bind(chosen.pool)
    .bind(new.wish.policy.map(crate::placement::Policy::name))
    .bind(&new.wish.group)
    .bind(pace.placement_timeout_s)
    .bind(now)
    .execute(tx.sql())
    .await?;
    let row: VmRow = sqlx::query_as(select_vm!("where v.tenant_id = $1 and v.vm_id = $2"))
        .bind(project.tenant)
        .bind(id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.into())
}

/// The machine of that id or name, and the right to do `A` to it. A machine that is going has left its name.
pub async fn lookup<A: Action>(
    tx: &mut Read<A>,
    project: &Granted<Project, A>,
    vm: &IdOrName<VmId>,
) -> Result<Granted<Vm, A>, fault::Error> {
    let found: Option<VmRow> = match vm {
        IdOrName::Id(id) => {
            sqlx::query_as(select_vm!(
                "where v.tenant_id = $1 and v.project_id = $2 and v.vm_id = $3"
            ))
            .bind(project.tenant)
            .bind(project.id)
            .bind(id)
            .fetch_optional(tx.sql())
            .await
        }
        IdOrName::Name(name) => {
            sqlx::query_as(select_vm!(
                "where v.tenant_id = $1 and v.project_id = $2 and v.name = $3 and v.desired_power <> 'absent'"
            ))
            .bind(project.tenant)
            .bind(project.id)
            .bind(name)
            .fetch_optional(tx.sql())
            .await
        }
    }
    .map_err(db::Error::from)?;
    let row = found.ok_or_else(|| fault::Error::not_found("vm"))?;
    project.of(Vm::from(row))
}

/// Takes the machine for a change of intent: its host's row first, whose revision rises, then its own. Answers the
/// machine as it is now, which may be newer than what was read.
pub async fn hold<A: Action>(tx: &mut Change<A>, vm: Granted<Vm, A>) -> Result<Granted<Vm, A>, fault::Error> {
    // It can be placed between the two statements, but hardly three times.
    let (tenant, id) = (vm.tenant, vm.id);
    let mut host = vm.seat.host.as_ref().map(|host| host.id);
    for _ in 0..3 {
        sqlx::query("savepoint hold")
            .execute(tx.sql())
            .await
            .map_err(db::Error::from)?;
        if let Some(host) = host {
            sqlx::query("update compute.hosts set revision = revision + 1 where host_id = $1")
                .bind(host)
                .execute(tx.sql())
                .await
                .map_err(db::Error::from)?;
        }
        let held: Option<VmRow> = sqlx::query_as(select_vm!(
            "where v.tenant_id = $1 and v.vm_id = $2 and v.host_id is not distinct from $3 for update of v"
        ))
        .bind(tenant)
        .bind(id)
        .bind(host)
        .fetch_optional(tx.sql())
        .await
        .map_err(db::Error::from)?;
        if let Some(row) = held {
            return tx.grant(Vm::from(row));
        }
        // A row that changed while it was waited for is locked, then found not to match, and stays locked: going on from
        // here to the host would be machine before host. What was locked since the savepoint is let go with it.
        sqlx::query("rollback to savepoint hold")
            .execute(tx.sql())
            .await
            .map_err(db::Error::from)?;
        let now: Option<(Option<ids::HostId>,)> =
            sqlx::query_as("select host_id from compute.vms where tenant_id = $1 and vm_id = $2")
                .bind(tenant)
                .bind(id)
                .fetch_optional(tx.sql())
                .await
                .map_err(db::Error::from)?;
        host = now.ok_or_else(|| fault::Error::not_found("vm"))?.0;
    }
    Err(fault::Error::conflict("The machine is just being placed; try again.").retry_after(1))
}

/// Writes a new intent of a machine that is held. A machine without a host is placed at once rather than after its
/// backoff: its owner has just said that they care.
pub async fn set_intent<A: Action>(tx: &mut Change<A>, vm: &Granted<Vm, A>, intent: Intent, pace: &Pace) -> Result<Vm> {
    let next = vm.wanting(intent, tx.now());
    let placed = next.seat.host.is_some();
    sqlx::query(
        "update compute.vms
         set desired_power = $3, generation = $4, reboots = $5, given_up = null,
             due_at = case when $3 = 'absent' then null else now() + make_interval(secs => $6) end,
             place_after = case when host_id is null then now() else place_after end,
             status = $7, version = $8, updated_at = $9
         where tenant_id = $1 and vm_id = $2",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(desired_word(intent.power))
    .bind(intent.generation)
    .bind(intent.reboots)
    .bind(if placed {
        pace.operation_timeout_s
    } else {
        pace.placement_timeout_s
    })
    .bind(&next.told)
    .bind(next.version)
    .bind(next.updated_at)
    .execute(tx.sql())
    .await?;
    Ok(next)
}

/// Changes name and labels, which no host needs to carry out.
pub async fn set_description(tx: &mut Change<vm::Modify>, vm: &Granted<Vm, vm::Modify>, new: &Renamed) -> Result<Vm> {
    let now = tx.now();
    sqlx::query(
        "update compute.vms set name = coalesce($3, name), labels = coalesce($4, labels), version = version + 1,
                updated_at = $5
         where tenant_id = $1 and vm_id = $2",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(&new.name)
    .bind(new.labels.as_ref().map(|labels| Json(labels.as_map())))
    .bind(now)
    .execute(tx.sql())
    .await?;
    let row: VmRow = sqlx::query_as(select_vm!("where v.tenant_id = $1 and v.vm_id = $2"))
        .bind(vm.tenant)
        .bind(vm.id)
        .fetch_one(tx.sql())
        .await?;
    Ok(row.into())
}

/// The machine, locked; none when it is gone.
pub async fn lock(tx: &mut SystemTx, tenant: TenantId, id: VmId) -> Result<Option<Vm>> {
    let row: Option<VmRow> = sqlx::query_as(select_vm!("where v.tenant_id = $1 and v.vm_id = $2 for update of v"))
        .bind(tenant)
        .bind(id)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Vm::from))
}

/// Writes what was observed of a locked machine, what became of its intent and what its owner is told of it, unless
/// intent or placement moved on since it was read.
pub async fn save(tx: &mut SystemTx, vm: &Vm) -> Result<bool> {
    let seen = vm.seen.as_ref();
    let done = sqlx::query(
        "update compute.vms
         set observed_power = $5, observed_generation = coalesce($6, observed_generation),
             observed_reboots = coalesce($7, observed_reboots), stop_cause = $8,
             observed_epoch = case when $5::text is null then observed_epoch else placement_epoch end,
             observed_at = now(), last_error = $9, given_up = case when $10 then generation end,
             due_at = case when $11 then null else due_at end,
             status = $12, version = $13, updated_at = $14
         where tenant_id = $1 and vm_id = $2 and generation = $3 and placement_epoch = $4",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(vm.intent.generation)
    .bind(vm.seat.epoch)
    .bind(seen.map(|seen| observed_word(seen.power)))
    .bind(seen.map(|seen| seen.generation))
    .bind(seen.map(|seen| seen.reboots))
    .bind(seen.and_then(|seen| seen.stop_cause).map(cause_word))
    .bind(vm.last_error.as_ref().map(Json))
    .bind(vm.intent.given_up)
    .bind(vm.reached() || vm.intent.given_up)
    .bind(&vm.told)
    .bind(vm.version)
    .bind(vm.updated_at)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}
