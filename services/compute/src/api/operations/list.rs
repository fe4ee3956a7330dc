use actix_web::get;
use actix_web::web::Data;
use auth::action::operation;
use ids::VmId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use web::{Listing, Page, Read, Refusals, Sort, Window};

use super::OperationView;
use crate::operation::{Operation, Progress};
use crate::state::Compute;
use crate::store::{self, operations::Filter};

/// The order of operations.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, ToSchema)]
enum ByAge {
    /// Oldest first.
    #[default]
    #[serde(rename = "created_at")]
    CreatedAt,
    /// Newest first.
    #[serde(rename = "-created_at")]
    CreatedAtDescending,
}

/// How to list operations.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListOperations {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Only operations that got this far.
    #[param(inline, example = "running")]
    status: Option<Progress>,
    /// Only operations on this machine, by its id.
    vm: Option<VmId>,
    /// The order.
    #[serde(default)]
    #[param(inline)]
    sort: ByAge,
}

/// Lists long operations.
#[utoipa::path(
    operation_id = "list_operations",
    tag = "operations",
    description = "The operations of all projects the caller may read, a page at a time.",
    params(ListOperations),
    responses((status = 200, description = "A page of operations", body = Page<OperationView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/operations")]
pub async fn list_operations(
    ask: Read<operation::List, ListOperations>,
    compute: Data<Compute>,
) -> Result<Page<OperationView>, fault::Error> {
    let query = &ask.query;
    let listing = Listing {
        limit: query.limit,
        page_token: query.page_token.as_deref(),
        filter: ("operations", query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&compute.db).await?;
    let tenant = tx.tenant()?;
    let visible = visible(&tx);

    let filter = Filter {
        status: query.status.map(Progress::name),
        vm: query.vm,
        visible: visible.as_deref(),
    };
    let sort = match query.sort {
        ByAge::CreatedAt => Sort::CreatedAt,
        ByAge::CreatedAtDescending => Sort::CreatedAtDescending,
    };
    let rows = store::operations::list(&mut tx, &tenant, &filter, sort, &window).await?;
    let key = |operation: &Operation| vec![operation.id.to_string()];
    Ok(window.page(rows, key, |operation| OperationView::from(&operation)))
}

/// Anybody may list; what they see is what they may read. `operation.list` itself is carried by everyone, so it cannot
/// say which projects those are.
fn visible(tx: &db::Read<operation::List>) -> Option<Vec<ids::ProjectId>> {
    use auth::{Action, Place};
    let caller = tx.caller();
    let reading = operation::Read::INFO;
    if caller.may(reading, Place::Tenant(caller.tenant())) {
        return None;
    }
    let projects = caller.bindings().iter().filter_map(|binding| binding.project);
    Some(
        projects
            .filter(|project| caller.may(reading, Place::Project(caller.tenant(), *project)))
            .collect(),
    )
}
