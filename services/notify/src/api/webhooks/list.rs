use actix_web::get;
use actix_web::web::Data;
use auth::action::webhook;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use web::{Listing, Page, Read, Refusals, Window};

use super::WebhookView;
use crate::state::Notify;
use crate::store;
use crate::webhook::Webhook;

/// Which page of webhooks.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListWebhooks {
    /// How many at most, 1 to 1,000.
    #[serde(skip_serializing_if = "web::left_out")]
    #[param(example = 100, minimum = 1, maximum = 1000)]
    limit: Option<u16>,
    /// Where to go on, from `next_page`.
    #[serde(skip_serializing_if = "web::left_out")]
    page_token: Option<String>,
}

/// Lists webhooks.
#[utoipa::path(
    operation_id = "list_webhooks",
    tag = "webhooks",
    description = "The tenant's webhooks by name, a page at a time. Needs `webhook.list`.",
    params(ListWebhooks),
    responses((status = 200, description = "A page of webhooks", body = Page<WebhookView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/webhooks")]
pub async fn list_webhooks(
    ask: Read<webhook::List, ListWebhooks>,
    notify: Data<Notify>,
) -> Result<Page<WebhookView>, fault::Error> {
    let listing = Listing {
        limit: ask.query.limit,
        page_token: ask.query.page_token.as_deref(),
        filter: ("webhooks", &ask.query),
    };
    let window = Window::parse(ask.caller().tenant(), &listing)?;

    let mut tx = ask.begin(&notify.db).await?;
    let tenant = tx.tenant()?;
    let rows = store::webhooks::list(&mut tx, &tenant, &window).await?;

    let key = |row: &Webhook| vec![row.name.clone()];
    Ok(window.page(rows, key, |row| WebhookView::from(&row)))
}
