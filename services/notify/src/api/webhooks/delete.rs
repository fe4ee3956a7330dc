use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InWebhook, WebhookView};
use crate::state::Notify;
use crate::store;

/// Deletes a webhook.
#[utoipa::path(
    operation_id = "delete_webhook",
    tag = "webhooks",
    description = "With it go its deliveries, those that wait included. Send the `ETag` last read as `If-Match`. Needs \
                   `webhook.delete`.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem"), DryRun, IfMatch),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = WebhookView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/webhooks/{webhook}")]
pub async fn delete_webhook(
    ask: Change<webhook::Delete>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Outcome<WebhookView> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::hold(&mut tx, &path.webhook).await?;
    let gone = WebhookView::from(&*webhook);
    tx.must_match(&gone)?;

    store::webhooks::remove(&mut tx, &webhook).await?;
    tx.finish(Status::NoContent, Removed(gone)).await
}
