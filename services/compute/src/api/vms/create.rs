use std::collections::BTreeMap;

use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::vm;
use db::{Created, Outcome, Status};
use scope::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{InProject, VmView};
use crate::events::VmCreated;
use crate::operation::Kind;
use crate::placement::{self, Need, Policy};
use crate::state::Compute;
use crate::store;
use crate::vm::{NewVm, Parts};

/// A machine to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateVm {
    /// A DNS label, unique in the project.
    #[schema(
        example = "web-1",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// A flavor, by id or name.
    #[schema(example = "small", min_length = 1, max_length = 63)]
    pub flavor: String,
    /// An image, by id or name.
    #[schema(example = "demo", min_length = 1, max_length = 63)]
    pub image: String,
    /// At most 64 marks of your own.
    #[serde(default)]
    #[schema(example = json!({"env": "test"}))]
    pub labels: BTreeMap<String, String>,
    /// What is asked of the placement.
    pub placement: Option<PlaceVm>,
}

/// What is asked of a placement.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceVm {
    /// Only hosts of this pool, by id or name.
    #[schema(example = "main", min_length = 1, max_length = 63)]
    pub pool: Option<String>,
    /// Instead of the pool's own policy.
    #[schema(inline, example = "spread")]
    pub policy: Option<Policy>,
    /// Machines of one group keep off each other's hosts where they can.
    #[schema(example = "web", min_length = 1, max_length = 63)]
    pub group: Option<String>,
}

impl CreateVm {
    fn check(&self) -> Result<NewVm, fault::Error> {
        let place = self.placement.as_ref();
        NewVm::check(&Parts {
            name: &self.name,
            flavor: &self.flavor,
            image: &self.image,
            labels: &self.labels,
            pool: place.and_then(|place| place.pool.as_deref()),
            policy: place.and_then(|place| place.policy),
            group: place.and_then(|place| place.group.as_deref()),
        })
    }
}

/// Creates a virtual machine.
#[utoipa::path(
    operation_id = "create_vm",
    tag = "vms",
    description = "Claims the tenant's quota and queues the machine for a host. It is made later: follow the operation, or \
                   the machine's status. A dry run also says where it would go. Needs `vm.create` in the project.",
    params(
        ("project" = String, Path, description = "Id or name", example = "default"),
        DryRun,
        Once,
    ),
    request_body(content = CreateVm, description = "The machine to be"),
    responses(
        (status = 202, description = "Queued", body = VmView, headers(
            ("Location" = String, description = "The machine"),
            ("Operation-Location" = String, description = "The operation"),
        )),
        (status = 200, description = "Dry run: what would be", body = VmView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[post("/projects/{project}/vms")]
pub async fn create_vm(
    ask: Change<vm::Create, CreateVm>,
    path: Path<InProject>,
    compute: Data<Compute>,
) -> Outcome<VmView> {
    let new = ask.body.check()?;

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;

    let chosen = store::choices::choose(&mut tx, &new).await?;
    let vm = store::vms::insert(&mut tx, &project, &new, &chosen, &compute.settings.work)
        .await
        .map_err(|error| error.taken("vm"))?;
    let operation = store::operations::insert(&mut tx, &vm, Kind::Create).await?;
    // Last, since all of a tenant's creations wait for each other on it.
    store::quotas::claim(&mut tx, &project, chosen.size, &compute.settings.quota).await?;
    tx.emit(&VmCreated::of(&vm))?;

    let mut view = VmView::from(&vm);
    if tx.is_dry_run() {
        let group = new.wish.group.as_deref().map(|group| (vm.tenant, vm.project, group));
        let hosts = store::placements::hosts_for(&mut tx, group).await?;
        let need = Need {
            size: vm.size,
            pool: vm.wish.pool,
            policy: vm.wish.policy,
        };
        view.placement = Some(placement::decide(&hosts, &need).record);
    }
    tx.finish(Status::Accepted(operation), Created(view)).await
}

#[cfg(test)]
mod tests;
