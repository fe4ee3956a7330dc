use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::vm;
use db::{Changed, Outcome, Status};
use scope::Scope;
use web::{Change, DryRun, Refusals};

use super::{VmPath, VmView};
use crate::events::VmUpdated;
use crate::operation::Kind;
use crate::state::Compute;
use crate::store;

/// Deletes a virtual machine.
#[utoipa::path(
    operation_id = "delete_vm",
    tag = "vms",
    description = "Asks for a machine and its disk to go. Its room and quota are given back when its host says that it is \
                   gone. Asking again is harmless. Needs `vm.delete` in the project.",
    params(VmPath, DryRun),
    responses(
        (status = 202, description = "It is going", body = VmView, headers(
            ("Location" = String, description = "The machine, as long as it is there"),
            ("Operation-Location" = String, description = "The operation"),
        )),
        (status = 200, description = "Dry run: what would go", body = VmView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/projects/{project}/vms/{vm}")]
pub async fn delete_vm(ask: Change<vm::Delete>, path: Path<VmPath>, compute: Data<Compute>) -> Outcome<VmView> {
    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;
    let vm = store::vms::hold(&mut tx, vm).await?;

    let intent = vm.intent.delete();
    let next = store::vms::set_intent(&mut tx, &vm, intent, &compute.settings.work).await?;
    let operation = store::operations::insert(&mut tx, &next, Kind::Delete).await?;
    tx.emit(&VmUpdated::of(&next))?;

    tx.finish(
        Status::Accepted(operation),
        Changed(VmView::from(&*vm), VmView::from(&next)),
    )
    .await
}
