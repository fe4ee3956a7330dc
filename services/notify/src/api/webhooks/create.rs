use actix_web::post;
use actix_web::web::Data;
use auth::action::webhook;
use db::{Created, Outcome, Status};
use fault::FieldError;
use ids::WebhookId;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::{WebhookSecret, WebhookView};
use crate::outbound::Outbound;
use crate::state::Notify;
use crate::store;
use crate::webhook::secret::Secret;
use crate::webhook::{DisabledReason, MOST, Sealed, Webhook, check_name, check_types, must_cover};

/// A webhook to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateWebhook {
    /// A DNS label, unique in the tenant.
    #[schema(example = "siem", min_length = 1, max_length = 63)]
    pub name: String,
    /// Where events are posted to: an https URL whose name leads to a public address. It is no secret: whoever may read
    /// webhooks sees it, and it stands in the audit log.
    #[schema(example = "https://hooks.example.com/yunshu", max_length = 2048)]
    pub url: String,
    /// Only these types, as `GET /events?types=` takes them; left out or empty: all, but for `audit.checkpoint_signed`, which must
    /// be named and needs `audit.read`.
    #[serde(default)]
    #[schema(example = json!(["vm.*"]), max_items = 50)]
    pub types: Vec<String>,
    /// Is it sent to?
    #[serde(default = "yes")]
    #[schema(example = true)]
    pub enabled: bool,
}

const fn yes() -> bool {
    true
}

/// Name, URL and types. The parts that may be wrong are all looked at.
fn check(body: &CreateWebhook, outbound: &Outbound) -> Result<(String, String, Vec<String>), fault::Error> {
    match (
        check_name(&body.name),
        outbound.check(&body.url),
        check_types(&body.types),
    ) {
        (Ok(name), Ok(url), Ok(types)) => Ok((name, url, types)),
        (name, url, types) => {
            let wrong: [Option<FieldError>; 3] = [name.err(), url.err(), types.err()];
            Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
        }
    }
}

/// Creates a webhook.
#[utoipa::path(
    operation_id = "create_webhook",
    tag = "webhooks",
    description = "What happens in the tenant from now on is posted to the address, at least once, each event as a CloudEvent 1.0 \
                   signed by Standard Webhooks 1.0. A webhook is told what whoever may make webhooks may read; with a role that \
                   reads less, name the types. The secret is shown this once. An address of a private network is never called. \
                   A tenant has 20 webhooks at most. Needs `webhook.create` and a factor shown of late.",
    params(DryRun, Once),
    request_body(content = CreateWebhook, description = "The webhook to be"),
    responses((status = 201, description = "Created, with its secret", body = WebhookSecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/webhooks")]
pub async fn create_webhook(
    ask: Change<webhook::Create, CreateWebhook>,
    notify: Data<Notify>,
) -> Outcome<WebhookSecret> {
    let (name, url, types) = check(&ask.body, &notify.outbound)?;
    must_cover(ask.caller(), &types)?;
    let (id, secret) = (WebhookId::mint(), Secret::make());

    let mut tx = ask.begin(&notify.db).await?;
    let tenant = tx.tenant()?;
    if store::webhooks::count(&mut tx, &tenant).await? >= MOST {
        let detail = format!("A tenant has {MOST} webhooks at most; remove one first.");
        return Err(fault::Error::conflict(detail).into());
    }

    let now = tx.now();
    let made = Webhook {
        tenant: tenant.id,
        id,
        name,
        url,
        types,
        disabled: (!ask.body.enabled).then_some(DisabledReason::Asked),
        secrets: Sealed {
            present: secret.seal(tx.keys()?, (tenant.id, id))?,
            previous: None,
        },
        generation: 1,
        created_at: now,
        updated_at: now,
    };
    store::webhooks::insert(&mut tx, &tenant, &made)
        .await
        .map_err(|error| error.taken("webhook"))?;

    let view = WebhookSecret {
        secret: secret.reveal(),
        webhook: WebhookView::from(&made),
    };
    tx.finish(Status::Created, Created(view)).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Permissions, Rights, Role};
    use ids::WebhookId;
    use serde_json::{Value, json};

    use crate::testing::receiver::Receiver;
    use crate::testing::{CheckpointSigned, Happened, WEBHOOKS, start, start_with};

    fn webhook(name: &str) -> Value {
        json!({"name": name, "url": "https://hooks.example/yunshu", "types": ["vm.*"]})
    }

    #[tokio::test]
    async fn what_happens_is_told_signed_by_the_secret_that_was_shown_once() {
        let receiver = Receiver::start().await;
        let test = start_with(receiver.settings()).await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let body = json!({"name": "siem", "url": receiver.url("/200")});
        let made = owner.post(WEBHOOKS, body).await.expect(201);
        let secret = made.json["secret"].as_str().unwrap();
        assert!(secret.starts_with("whsec_"), "{}", made.text);
        assert_eq!(made.header("etag"), "\"1\"");
        let path = format!("{WEBHOOKS}/{}", made.json["webhook"]["id"].as_str().unwrap());
        assert_eq!(made.header("location"), path);
        test.commit(&acme, &Happened::to(acme.project, "one")).await;
        let told = receiver.wait(1).await.remove(0);
        assert_eq!(told.body["type"], "vm.created");
        assert_eq!(told.body["subject"], "vm:one");
        assert_eq!(told.signed_by(secret), [true]);
        let listed = owner.get(WEBHOOKS).await.expect(200);
        let read = owner.get(&path).await.expect(200);
        assert_eq!(listed.json["items"][0], read.json);
        for shown in [&listed.text, &read.text] {
            assert!(!shown.contains("whsec_") && !shown.contains("secret\":\""), "{shown}");
        }
    }

    #[tokio::test]
    async fn t24_the_secret_is_kept_sealed_and_stands_in_no_log() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let made = owner.post_once(WEBHOOKS, "one", webhook("siem")).await.expect(201);
        let rotated = owner
            .post_once(&format!("{WEBHOOKS}/siem:rotate"), "two", json!({}))
            .await
            .expect(200);
        // A repeated key cannot show it again.
        owner.post_once(WEBHOOKS, "one", webhook("siem")).await.expect(409);
        for secret in [&made.json["secret"], &rotated.json["secret"]] {
            let shown = secret.as_str().unwrap().strip_prefix("whsec_").unwrap();
            let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, shown).unwrap();
            // As PostgreSQL shows bytes.
            let hex = format!("{bytes:02x?}").replace([',', ' ', '[', ']'], "");
            for table in ["notify.webhooks", "notify.replies", "bus.outbox"] {
                let rows = test.bench.dump(table).await;
                assert!(!rows.is_empty(), "{table}");
                assert!(!rows.contains(shown) && !rows.contains(&hex), "{table}: {rows}");
            }
        }
        let log = test.entries(acme.id).await;
        assert!(log.iter().any(|entry| entry["action"] == "webhook.create"), "{log:?}");
        assert!(log.iter().any(|entry| entry["action"] == "webhook.rotate"), "{log:?}");
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_there_are_so_many_and_no_more() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.client.caller(&acme.caller(Role::Owner));
        for (field, value, pointer) in [
            ("name", json!("Not"), "/name"),
            ("url", json!("http://hooks.example/"), "/url"),
            ("url", json!("https://127.0.0.1/"), "/url"),
            ("url", json!("https://[::ffff:10.0.0.1]/"), "/url"),
            ("url", json!("https://a:b@hooks.example/"), "/url"),
            ("types", json!(["everything"]), "/types"),
            ("secret", json!("mine"), "/secret"),
        ] {
            let mut body = webhook("siem");
            body[field] = value;
            let refused = owner.post(WEBHOOKS, body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        let dry = owner.post(&format!("{WEBHOOKS}?dry_run=true"), webhook("siem")).await;
        assert_eq!(dry.expect(200).json["webhook"]["name"], "siem");
        owner.post(WEBHOOKS, webhook("siem")).await.expect(201);
        owner.post(WEBHOOKS, webhook("siem")).await.expect(409);
        let more = (1..30).map(|number| {
            let owner = owner.clone();
            async move {
                owner
                    .post(WEBHOOKS, webhook(&format!("w{number}")))
                    .await
                    .status
                    .as_u16()
            }
        });
        let replies = futures::future::join_all(more).await;
        assert_eq!(
            replies.iter().filter(|status| **status == 201).count(),
            19,
            "{replies:?}"
        );
        let byte = test.bench.tenant("byte").await;
        let other = test.client.caller(&byte.caller(Role::Owner));
        other.post(WEBHOOKS, webhook("siem")).await.expect(201);
    }

    #[tokio::test]
    async fn t18_a_webhook_is_told_nothing_that_whoever_makes_it_may_not_read() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let names = ["webhook.create", "webhook.modify", "webhook.read", "vm.read"].map(str::to_owned);
        let rights = Rights::Custom {
            name: "narrow".to_owned(),
            permissions: Permissions::check(&names).unwrap(),
        };
        let narrow = acme.caller_with(vec![Binding {
            rights,
            ..Binding::role(Role::Viewer, None)
        }]);
        let narrow = test.client.caller(&narrow);
        let made = narrow.post(WEBHOOKS, webhook("vms")).await;
        made.expect(201);
        let all = json!({"name": "all", "url": "https://hooks.example/"});
        let refused = narrow.post(WEBHOOKS, all).await.expect(403);
        assert!(refused.text.contains(".read"), "{}", refused.text);
        let path = format!("{WEBHOOKS}/vms");
        narrow.patch(&path, "*", json!({"types": []})).await.expect(403);
        narrow
            .patch(&path, "*", json!({"types": ["project.*"]}))
            .await
            .expect(403);
        narrow
            .patch(&path, "*", json!({"types": ["vm.deleted"]}))
            .await
            .expect(200);
        // Of another's webhook, which tells more, not even the address.
        let owner = test.client.caller(&acme.caller(Role::Owner));
        let wide = json!({"name": "wide", "url": "https://hooks.example/"});
        owner.post(WEBHOOKS, wide).await.expect(201);
        let theirs = json!({"url": "https://mine.example/"});
        narrow.patch(&format!("{WEBHOOKS}/wide"), "*", theirs).await.expect(403);
    }

    #[tokio::test]
    async fn t18_of_the_logs_checkpoints_is_told_who_names_them_and_may_read_the_log() {
        let receiver = Receiver::start().await;
        let test = start_with(receiver.settings()).await;
        let acme = test.bench.tenant("acme").await;
        let body = |name: &str, types: Value| json!({"name": name, "url": receiver.url("/200"), "types": types});
        let admin = test.client.caller(&acme.caller(Role::Admin));
        for types in ["audit.checkpoint_signed", "audit.*"] {
            let refused = admin.post(WEBHOOKS, body("proofs", json!([types]))).await.expect(403);
            assert!(refused.text.contains("audit.read"), "{}", refused.text);
        }
        let owner = test.client.caller(&acme.caller(Role::Owner));
        owner
            .post(WEBHOOKS, body("proofs", json!(["audit.checkpoint_signed"])))
            .await
            .expect(201);
        owner.post(WEBHOOKS, body("all", json!([]))).await.expect(201);
        // Whoever may not read the log does not lead what it tells elsewhere.
        let elsewhere = json!({"url": receiver.url("/200/mine")});
        admin
            .patch(&format!("{WEBHOOKS}/proofs"), "*", elsewhere)
            .await
            .expect(403);
        let before = test.bench.audit(acme.id).await.len();

        let mut listening = test
            .listen(&acme.caller(Role::Auditor), "/api/v1/events?types=audit.*", None)
            .await;
        test.commit(&acme, &CheckpointSigned { size: 7 }).await;
        test.commit(&acme, &Happened::to(acme.project, "one")).await;
        let told = receiver.wait(2).await;
        let of = |kind: &str| told.iter().filter(|told| told.body["type"] == kind).count();
        assert_eq!(
            (of("audit.checkpoint_signed"), of("vm.created")),
            (1, 1),
            "one each, and not to both"
        );
        let heard = listening.next().await;
        assert_eq!(
            (heard.event.as_str(), &heard.data["data"]["size"]),
            ("audit.checkpoint_signed", &json!(7))
        );
        assert_eq!(
            test.bench.audit(acme.id).await.len(),
            before,
            "to be told makes no entry"
        );
    }

    #[tokio::test]
    async fn t01_another_tenants_webhook_and_delivery_are_as_none() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let owner = test.client.caller(&mine.caller(Role::Owner));
        let eve = test.client.caller(&theirs.caller(Role::Owner));
        let made = owner.post(WEBHOOKS, webhook("siem")).await.expect(201);
        let id = made.json["webhook"]["id"].as_str().unwrap();
        let (here, none) = (format!("{WEBHOOKS}/{id}"), format!("{WEBHOOKS}/{}", WebhookId::mint()));
        let delivery = owner.post(&format!("{here}:test"), json!({})).await.expect(200);
        let delivery = delivery.json["id"].as_str().unwrap();
        let before = owner.get(&here).await.text;
        for end in ["", "/deliveries"] {
            let one = eve.get(&format!("{here}{end}")).await.expect(404);
            let two = eve.get(&format!("{none}{end}")).await.expect(404);
            assert_eq!(one.without_request(), two.without_request());
        }
        for end in [":test", ":rotate", &format!("/deliveries/{delivery}:redeliver")] {
            let one = eve.post(&format!("{here}{end}"), json!({})).await.expect(404);
            let two = eve.post(&format!("{none}{end}"), json!({})).await.expect(404);
            assert_eq!(one.without_request(), two.without_request());
        }
        let (one, two) = (eve.delete_if(&here, "*").await, eve.delete_if(&none, "*").await);
        assert_eq!(one.expect(404).without_request(), two.expect(404).without_request());
        let change = json!({"enabled": false});
        let (one, two) = (
            eve.patch(&here, "*", change.clone()).await,
            eve.patch(&none, "*", change).await,
        );
        assert_eq!(one.expect(404).without_request(), two.expect(404).without_request());
        assert_eq!(eve.get(WEBHOOKS).await.expect(200).json["items"], json!([]));
        assert_eq!(owner.get(&here).await.text, before);
        // A delivery of theirs below a webhook of mine is none either.
        let own = eve.post(WEBHOOKS, webhook("own")).await.expect(201);
        let own = format!("{WEBHOOKS}/{}/deliveries", own.json["webhook"]["id"].as_str().unwrap());
        let one = eve.post(&format!("{own}/{delivery}:redeliver"), json!({})).await;
        let two = eve
            .post(&format!("{own}/{}:redeliver", ids::DeliveryId::mint()), json!({}))
            .await;
        assert_eq!(one.expect(404).without_request(), two.expect(404).without_request());
    }
}
