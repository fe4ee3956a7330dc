//! Start, stop and reboot: three paths, one change of intent.

use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::vm;
use db::{Changed, Outcome, Status};
use scope::Scope;
use web::{Change, DryRun, Once, Refusals};

use super::{VmPath, VmView};
use crate::events::VmUpdated;
use crate::operation::Kind;
use crate::state::Compute;
use crate::store;

/// Starts a virtual machine.
#[utoipa::path(
    operation_id = "start_vm",
    tag = "vms",
    description = "Asks for a machine to be on, or tries again what was given up. Needs `vm.operate` in the project.",
    params(VmPath, DryRun, Once),
    responses((status = 202, description = "Asked", body = VmView), Refusals),
    security(("bearer" = [])),
)]
#[post("/projects/{project}/vms/{vm:[^:/]+}:start")]
pub async fn start_vm(ask: Change<vm::Operate>, path: Path<VmPath>, compute: Data<Compute>) -> Outcome<VmView> {
    operate(ask, &path, &compute, Kind::Start).await
}

/// Stops a virtual machine.
#[utoipa::path(
    operation_id = "stop_vm",
    tag = "vms",
    description = "Asks for a machine to be off: its guest is asked to shut down, and after a grace its power is cut. \
                   Its room and quota stay taken. Needs `vm.operate` in the project.",
    params(VmPath, DryRun, Once),
    responses((status = 202, description = "Asked", body = VmView), Refusals),
    security(("bearer" = [])),
)]
#[post("/projects/{project}/vms/{vm:[^:/]+}:stop")]
pub async fn stop_vm(ask: Change<vm::Operate>, path: Path<VmPath>, compute: Data<Compute>) -> Outcome<VmView> {
    operate(ask, &path, &compute, Kind::Stop).await
}

/// Reboots a virtual machine.
#[utoipa::path(
    operation_id = "reboot_vm",
    tag = "vms",
    description = "Asks for a machine that should be on to go off and on again, once. 409 when it should be off. Needs \
                   `vm.operate` in the project.",
    params(VmPath, DryRun, Once),
    responses((status = 202, description = "Asked", body = VmView), Refusals),
    security(("bearer" = [])),
)]
#[post("/projects/{project}/vms/{vm:[^:/]+}:reboot")]
pub async fn reboot_vm(ask: Change<vm::Operate>, path: Path<VmPath>, compute: Data<Compute>) -> Outcome<VmView> {
    operate(ask, &path, &compute, Kind::Reboot).await
}

async fn operate(ask: Change<vm::Operate>, path: &VmPath, compute: &Compute, kind: Kind) -> Outcome<VmView> {
    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;
    let vm = store::vms::hold(&mut tx, vm).await?;

    let intent = vm.intent.after(kind)?;
    let next = store::vms::set_intent(&mut tx, &vm, intent, &compute.settings.work).await?;
    let operation = store::operations::insert(&mut tx, &next, kind).await?;
    tx.emit(&VmUpdated::of(&next))?;

    tx.finish(
        Status::Accepted(operation),
        Changed(VmView::from(&*vm), VmView::from(&next)),
    )
    .await
}

#[cfg(test)]
mod tests;
