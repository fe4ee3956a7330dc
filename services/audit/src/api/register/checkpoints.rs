use actix_web::get;
use actix_web::web::Data;
use auth::action::audit;
use db::Reason;
use serde::Deserialize;
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use crate::api::checkpoints::CheckpointView;
use crate::log::REGISTER;
use crate::state::Audit;
use crate::store::checkpoints::{self, Signed};

/// Which of the register's checkpoints to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListRegisterCheckpoints {
    /// How many at most, 1 to 1,000.
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    page_token: Option<String>,
}

/// Lists the checkpoints of the register of all logs.
#[utoipa::path(
    operation_id = "list_audit_register_checkpoints",
    tag = "audit",
    description = "What has been signed for the register of all tenants' logs, newest first; its origin ends in `/register`. Of \
                   whom its leaves are it does not tell. Needs `audit.list`.",
    params(ListRegisterCheckpoints),
    responses((status = 200, description = "A page of checkpoints", body = Page<CheckpointView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/audit/register/checkpoints")]
pub async fn list_audit_register_checkpoints(
    ask: Read<audit::List, ListRegisterCheckpoints>,
    audit: Data<Audit>,
) -> Result<Page<CheckpointView>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: "register",
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;
    let below = window.after(0)?;
    ask.begin(&audit.db).await?.tenant()?;

    let mut tx = audit.db.system(Reason::Register).await?;
    let signed = checkpoints::below(&mut tx, REGISTER, below, window.fetch()).await?;
    let key = |signed: &Signed| vec![signed.size.to_string()];
    Ok(window.page(signed, key, CheckpointView::of))
}
