use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use web::{Found, Read, Refusals};

use super::{InWebhook, WebhookView};
use crate::state::Notify;
use crate::store;

/// Reads a webhook.
#[utoipa::path(
    operation_id = "read_webhook",
    tag = "webhooks",
    description = "A webhook of the tenant, without its secret. Needs `webhook.read`.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem")),
    responses((status = 200, description = "The webhook", body = WebhookView), Refusals),
    security(("bearer" = [])),
)]
#[get("/webhooks/{webhook}")]
pub async fn read_webhook(
    ask: Read<webhook::Read>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Result<Found<WebhookView>, fault::Error> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::lookup(&mut tx, &path.webhook).await?;
    Ok(Found(WebhookView::from(&*webhook)))
}
