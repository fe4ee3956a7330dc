use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::HeadView;
use crate::state::Audit;
use crate::store::register::{self, Registered};

/// Which heads to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListHeads {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
}

/// Lists the tenant's own heads in the register.
#[utoipa::path(
    operation_id = "list_audit_heads",
    tag = "audit",
    description = "The checkpoints of the tenant's log that are in the register of all logs, newest first: the newest of every \
                   ten seconds in which there was one. Whoever looks through the register finds no others of this log, or \
                   somebody was shown another history. Needs `audit.list`.",
    params(ListHeads),
    responses((status = 200, description = "A page of heads", body = Page<HeadView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/heads")]
pub async fn list_audit_heads(
    ask: Read<audit::List, ListHeads>,
    audit: Data<Audit>,
) -> Result<Page<HeadView>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "heads",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let below = window.after(0)?;

    let mut tx = ask.begin(&audit.db).await?;
    let tenant = tx.tenant()?;

    let heads = register::heads(&mut tx, &tenant, (below, None), window.fetch()).await?;
    let key = |head: &Registered| vec![head.head.size.to_string()];
    Ok(window.page(heads, key, HeadView::from))
}
