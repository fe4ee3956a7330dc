use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::DeliveryView;
use crate::api::webhooks::InWebhook;
use crate::delivery::{Delivery, DeliveryState};
use crate::state::Notify;
use crate::store;

/// Which deliveries to list.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeliveries {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
    /// Only those in this state.
    #[param(inline)]
    state: Option<DeliveryState>,
}

/// Lists a webhook's deliveries.
#[utoipa::path(
    operation_id = "list_webhook_deliveries",
    tag = "webhooks",
    description = "What became of the events that the webhook is told of, newest first, for a week. Needs `webhook.read`.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem"), ListDeliveries),
    responses((status = 200, description = "A page of deliveries", body = Page<DeliveryView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/webhooks/{webhook}/deliveries")]
pub async fn list_webhook_deliveries(
    ask: Read<webhook::Read, ListDeliveries>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Result<Page<DeliveryView>, fault::Error> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::lookup(&mut tx, &path.webhook).await?;
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: ("deliveries", webhook.id, &ask.query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let rows = store::deliveries::list(&mut tx, &webhook, ask.query.state, &window).await?;
    let key = |row: &Delivery| vec![row.id.to_string()];
    Ok(window.page(rows, key, DeliveryView::from))
}
