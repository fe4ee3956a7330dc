use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{InWebhook, WebhookSecret, WebhookView};
use crate::state::Notify;
use crate::store;
use crate::webhook::Webhook;
use crate::webhook::secret::Secret;

/// Changes a webhook's secret.
#[utoipa::path(
    operation_id = "rotate_webhook_secret",
    tag = "webhooks",
    description = "Makes a new secret, shown this once. For 24 hours deliveries carry two signatures, by the new secret and by the one \
                   before, so that the receiver can be changed meanwhile; one that is older still signs no more. Needs \
                   `webhook.rotate` and a factor shown of late.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem"), DryRun, Once),
    responses((status = 200, description = "The webhook with its new secret", body = WebhookSecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/webhooks/{webhook:[^:/]+}:rotate")]
pub async fn rotate_webhook_secret(
    ask: Change<webhook::Rotate>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Outcome<WebhookSecret> {
    let secret = Secret::make();
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::hold(&mut tx, &path.webhook).await?;
    let sealed = secret.seal(tx.keys()?, (webhook.tenant, webhook.id))?;

    let after = store::webhooks::set_secret(&mut tx, &webhook, &sealed).await?;
    let with = |webhook: &Webhook| WebhookSecret {
        secret: secret.reveal(),
        webhook: WebhookView::from(webhook),
    };
    tx.finish(Status::Ok, Changed(with(&webhook), with(&after))).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::receiver::Receiver;
    use crate::testing::{WEBHOOKS, start_on};

    #[tokio::test]
    async fn for_a_day_both_secrets_sign_and_then_the_new_one_alone() {
        let receiver = Receiver::start().await;
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, receiver.settings()).await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let body = json!({"name": "siem", "url": receiver.url("/200")});
        let first = owner.post(WEBHOOKS, body).await.expect(201);
        let path = format!("{WEBHOOKS}/siem");
        let dry = owner.post(&format!("{path}:rotate?dry_run=true"), json!({})).await;
        dry.expect(200);
        let second = owner.post(&format!("{path}:rotate"), json!({})).await.expect(200);
        assert_eq!(second.json["webhook"]["generation"], 2);
        let (old, new) = (
            first.json["secret"].as_str().unwrap(),
            second.json["secret"].as_str().unwrap(),
        );
        assert_ne!(old, new);
        owner.post(&format!("{path}:test"), json!({})).await.expect(200);
        let told = receiver.wait(1).await.remove(0);
        assert_eq!(
            (told.signed_by(new), told.signed_by(old)),
            (vec![true, false], vec![false, true])
        );
        assert_eq!(told.body["type"], "webhook.test");
        clock.advance(Duration::from_hours(24));
        // A passport does not last a day.
        owner.post(&format!("{path}:test"), json!({})).await.expect(200);
        let told = receiver.wait(2).await.remove(1);
        assert_eq!((told.signed_by(new), told.signed_by(old)), (vec![true], vec![false]));
    }
}
