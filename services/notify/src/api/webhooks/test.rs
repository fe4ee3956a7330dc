use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use db::{Done, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::InWebhook;
use crate::api::deliveries::{DeliveryView, must_be_enabled};
use crate::state::Notify;
use crate::store;

/// Sends a test to a webhook.
#[utoipa::path(
    operation_id = "test_webhook",
    tag = "webhooks",
    description = "Sends an event of the type `webhook.test`, signed as any other and whatever types the webhook is told of. What comes \
                   of it stands among its deliveries, within seconds. One that is disabled is not sent to. Needs `webhook.test`.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem"), DryRun, Once),
    responses((status = 200, description = "The delivery to be", body = DeliveryView), Refusals),
    security(("bearer" = [])),
)]
#[post("/webhooks/{webhook:[^:/]+}:test")]
pub async fn test_webhook(
    ask: Change<webhook::Test>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Outcome<DeliveryView> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::hold(&mut tx, &path.webhook).await?;
    must_be_enabled(&webhook)?;
    store::deliveries::must_have_room(&mut tx, &webhook).await?;

    let delivery = store::deliveries::insert_test(&mut tx, &webhook).await?;
    store::webhooks::set_due(&mut tx, &webhook).await?;
    let answer = tx.finish(Status::Ok, Done(DeliveryView::from(delivery))).await?;
    notify.due.notify_one();
    Ok(answer)
}
