use std::collections::BTreeMap;

use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::vm;
use db::{Changed, Outcome, Status, Subject};
use scope::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{VmPath, VmView};
use crate::events::VmUpdated;
use crate::service::Compute;
use crate::store;
use crate::vm::Renamed;

/// What to change of a machine; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyVm {
    /// The new name.
    #[schema(example = "web-2", min_length = 1, max_length = 63)]
    pub name: Option<String>,
    /// The new labels, all of them.
    #[schema(example = json!({"env": "prod"}))]
    pub labels: Option<BTreeMap<String, String>>,
}

/// Changes a virtual machine.
#[utoipa::path(
    operation_id = "modify_vm",
    tag = "vms",
    description = "Changes name or labels. Send the `ETag` last read as `If-Match`. Needs `vm.modify` in the project.",
    params(
        ("project" = String, Path, description = "Id or name", example = "default"),
        ("vm" = String, Path, description = "Id or name", example = "web-1"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("If-Match" = String, Header, description = "The ETag last read"),
    ),
    request_body(content = ModifyVm, description = "What to change"),
    responses((status = 200, description = "The machine as it is now", body = VmView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/projects/{project}/vms/{vm}")]
pub async fn modify_vm(
    ask: Change<vm::Modify, ModifyVm>,
    path: Path<VmPath>,
    compute: Data<Compute>,
) -> Outcome<VmView> {
    let new = Renamed::check(ask.body.name.as_deref(), ask.body.labels.as_ref())?;

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let vm = store::vms::lookup(&mut tx, &project, &path.vm).await?;
    let vm = store::vms::hold(&mut tx, vm).await?;
    let before = VmView::from(&*vm);
    tx.must_match(&before.etag().unwrap_or_default())?;

    let vm = store::vms::set_description(&mut tx, &vm, &new).await.map_err(|error| error.taken("vm"))?;
    tx.emit(&VmUpdated::of(&vm))?;

    tx.finish(Status::Ok, Changed(before, VmView::from(&vm))).await
}
