use actix_web::get;
use actix_web::web::Data;
use auth::action::audit_hold;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::AuditHoldView;
use crate::retention::Hold;
use crate::state::Audit;
use crate::store;

/// Which holds to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListAuditHolds {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
}

/// Lists the legal holds on the audit log.
#[utoipa::path(
    operation_id = "list_audit_holds",
    tag = "audit",
    description = "Those that are on and those that were lifted, newest first. Needs `audit_hold.list`.",
    params(ListAuditHolds),
    responses((status = 200, description = "A page of holds", body = Page<AuditHoldView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/holds")]
pub async fn list_audit_holds(
    ask: Read<audit_hold::List, ListAuditHolds>,
    audit: Data<Audit>,
) -> Result<Page<AuditHoldView>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "audit holds",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let holds = store::retention::list(&mut tx, &tenant, &window).await?;
    let key = |hold: &Hold| vec![hold.id.to_string()];
    Ok(window.page(holds, key, AuditHoldView::from))
}
