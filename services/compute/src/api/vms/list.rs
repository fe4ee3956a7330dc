use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::vm;
use scope::Scope;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::{InProject, VmView};
use crate::service::Compute;
use crate::store::{self, vms::Filter};
use crate::vm::{Labels, Status, Vm};

/// How to list machines.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListVms {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing)]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing)]
    page_token: Option<String>,
    /// Names that begin with this.
    #[param(example = "web", max_length = 63)]
    q: Option<String>,
    /// Only machines of this status. A host that falls silent is noticed here a few seconds later than in the machine itself.
    #[param(inline, example = "running")]
    status: Option<Status>,
    /// Only machines of this flavor, by id or name.
    #[param(example = "small")]
    flavor: Option<String>,
    /// Only machines with this label, as `key=value`.
    #[param(example = "env=test")]
    label: Option<String>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: Sort,
}

/// Lists virtual machines.
#[utoipa::path(
    operation_id = "list_vms",
    tag = "vms",
    description = "The machines of a project, a page at a time. Needs `vm.list` in the project.",
    params(("project" = String, Path, description = "Id or name", example = "default"), ListVms),
    responses((status = 200, description = "A page of machines", body = Page<VmView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}/vms")]
pub async fn list_vms(
    ask: Read<vm::List, ListVms>,
    path: Path<InProject>,
    compute: Data<Compute>,
) -> Result<Page<VmView>, fault::Error> {
    let query = &ask.query;
    let label = query.label.as_deref().map(Labels::filter).transpose()?;

    let mut tx = ask.begin(&compute.db).await?;
    let project = tx.project(&path.project).await?;
    let binding = ("vms", project.id, query);
    let listing = Listing { limit: query.limit, page_token: query.page_token.as_deref(), filter: binding };
    let window = Window::parse(project.tenant, &listing)?;

    let filter = Filter {
        prefix: query.q.as_deref(),
        status: query.status.map(Status::name),
        flavor: query.flavor.as_deref(),
        label,
    };
    let rows = store::vms::list(&mut tx, &project, &filter, query.sort, &window).await?;
    let key = |vm: &Vm| vec![vm.id.to_string(), vm.name.clone()];
    Ok(window.page(rows, key, |vm| VmView::from(&vm)))
}
