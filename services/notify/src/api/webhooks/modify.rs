use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::webhook;
use db::{Changed, Outcome, Status};
use fault::FieldError;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InWebhook, WebhookView};
use crate::outbound::Outbound;
use crate::state::Notify;
use crate::store;
use crate::webhook::{DisabledReason, Webhook, check_name, check_types, must_cover};

/// What to change of a webhook; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyWebhook {
    /// The new name.
    #[schema(example = "siem", max_length = 63)]
    pub name: Option<String>,
    /// The new address.
    #[schema(example = "https://hooks.example.com/yunshu", max_length = 2048)]
    pub url: Option<String>,
    /// All types, in the place of those there are; empty: all there are.
    #[schema(example = json!(["vm.*"]), max_items = 50)]
    pub types: Option<Vec<String>>,
    /// Is it sent to?
    #[schema(example = true)]
    pub enabled: Option<bool>,
}

/// The webhook as it is to be.
fn checked(body: &ModifyWebhook, of: &Webhook, outbound: &Outbound) -> Result<Webhook, FieldError> {
    let mut to = of.clone();
    if let Some(name) = &body.name {
        to.name = check_name(name)?;
    }
    if let Some(url) = &body.url {
        to.url = outbound.check(url)?;
    }
    if let Some(types) = &body.types {
        to.types = check_types(types)?;
    }
    match body.enabled {
        Some(true) => to.disabled = None,
        Some(false) => to.disabled = to.disabled.or(Some(DisabledReason::Asked)),
        None => {}
    }
    Ok(to)
}

/// Changes a webhook.
#[utoipa::path(
    operation_id = "modify_webhook",
    tag = "webhooks",
    description = "Send the `ETag` last read as `If-Match`. What waits for a webhook that is disabled is dropped, and can be \
                   delivered anew; what happens meanwhile it is not told later. Its past failures are forgotten. Whoever changes it \
                   must be able to read all that it is told. Needs `webhook.modify` and a factor shown of late.",
    params(("webhook" = String, Path, description = "Id or name", example = "siem"), DryRun, IfMatch),
    request_body(content = ModifyWebhook, description = "What to change"),
    responses((status = 200, description = "The webhook as it is now", body = WebhookView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/webhooks/{webhook}")]
pub async fn modify_webhook(
    ask: Change<webhook::Modify, ModifyWebhook>,
    path: Path<InWebhook>,
    notify: Data<Notify>,
) -> Outcome<WebhookView> {
    let mut tx = ask.begin(&notify.db).await?;
    let webhook = store::webhooks::hold(&mut tx, &path.webhook).await?;
    let before = WebhookView::from(&*webhook);
    tx.must_match(&before)?;
    let to =
        checked(&ask.body, &webhook, &notify.outbound).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    must_cover(ask.caller(), &to.types)?;

    let after = store::webhooks::set(&mut tx, &webhook, &to)
        .await
        .map_err(|error| error.taken("webhook"))?;
    tx.finish(Status::Ok, Changed(before, WebhookView::from(&after))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{WEBHOOKS, start};

    #[tokio::test]
    async fn of_many_who_read_one_state_one_changes_it() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let body = json!({"name": "siem", "url": "https://hooks.example/"});
        owner.post(WEBHOOKS, body).await.expect(201);
        let path = format!("{WEBHOOKS}/siem");
        let changes = (0..8).map(|n| owner.patch(&path, "\"1\"", json!({"url": format!("https://h{n}.example/")})));
        let replies = futures::future::join_all(changes.collect::<Vec<_>>()).await;
        let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 7), "{replies:?}");
        owner
            .patch(&path, "*", json!({"url": "https://10.0.0.1/"}))
            .await
            .expect(400);
        owner.patch(&path, "*", json!({"name": "not one"})).await.expect(400);
        let dry = owner
            .patch(&format!("{path}?dry_run=true"), "*", json!({"name": "other"}))
            .await;
        dry.expect(200);
        owner.get(&path).await.expect(200);
        let viewer = test.client.caller(&acme.caller(Role::Viewer));
        viewer.patch(&path, "*", json!({"enabled": false})).await.expect(403);
        owner.delete_if(&path, "\"1\"").await.expect(412);
        owner.delete_if(&path, "\"2\"").await.expect(204);
        owner.get(&path).await.expect(404);
    }

    #[tokio::test]
    async fn one_that_is_disabled_is_not_told_what_waits() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        // Its name leads nowhere, so what is sent to it waits.
        let body = json!({"name": "siem", "url": "https://no-such-name.invalid/"});
        owner.post(WEBHOOKS, body).await.expect(201);
        let path = format!("{WEBHOOKS}/siem");
        owner.post(&format!("{path}:test"), json!({})).await.expect(200);
        let off = owner.patch(&path, "*", json!({"enabled": false})).await.expect(200);
        assert_eq!(off.json["disabled_reason"], "asked");
        let dropped = owner.get(&format!("{path}/deliveries?state=dropped")).await.expect(200);
        assert_eq!(dropped.json["items"][0]["error"], "webhook_disabled");
        owner.post(&format!("{path}:test"), json!({})).await.expect(409);
        let redeliver = format!(
            "{path}/deliveries/{}:redeliver",
            dropped.json["items"][0]["id"].as_str().unwrap()
        );
        owner.post(&redeliver, json!({})).await.expect(409);
        let on = owner.patch(&path, "*", json!({"enabled": true})).await.expect(200);
        assert!(on.json["disabled_reason"].is_null());
        let again = owner.post(&redeliver, json!({})).await.expect(200);
        assert_eq!(again.json["state"], "pending");
    }
}
