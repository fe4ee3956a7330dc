use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::vm;
use scope::Scope;
use web::{Found, Read, Refusals};

use super::{VmPath, VmView};
use crate::state::Compute;
use crate::store;

/// Reads a virtual machine.
#[utoipa::path(
    operation_id = "read_vm",
    tag = "vms",
    description = "One machine, by id or name; one that is being deleted by id only. Needs `vm.read` in the project.",
    params(VmPath),
    responses((status = 200, description = "The machine", body = VmView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}/vms/{vm}")]
pub async fn read_vm(
    ask: Read<vm::Read>,
    path: Path<VmPath>,
    compute: Data<Compute>,
) -> Result<Found<VmView>, fault::Error> {
    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;

    Ok(Found(VmView::from(&*vm)))
}
