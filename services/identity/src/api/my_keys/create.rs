use actix_web::post;
use actix_web::web::Data;
use auth::action::api_key;
use db::{Created, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::oneself;
use crate::api::keys::{ApiKeySecret, CreateApiKey, NewKey};
use crate::state::Identity;

/// Makes an API key of the caller's.
#[utoipa::path(
    operation_id = "create_my_api_key",
    tag = "api-keys",
    description = "Its text is shown once, and only a hash is kept. It can do what the caller can, now and later, as far as its \
                   scopes and its project reach; what asks for a fresh factor it cannot do. Nobody makes a key for what they \
                   may not do. Asks for a factor shown of late.",
    params(DryRun, Once),
    request_body(content = CreateApiKey, description = "The key to be"),
    responses((status = 201, description = "Created", body = ApiKeySecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/api-keys")]
pub async fn create_my_api_key(
    ask: Change<api_key::Create, CreateApiKey>,
    identity: Data<Identity>,
) -> Outcome<ApiKeySecret> {
    let new = NewKey::check(&ask.body, identity.db.clock().now())?;

    let mut tx = ask.begin(&identity.db).await?;
    let holder = tx.grant(oneself(ask.caller()))?;

    let made = new.make(&mut tx, &holder).await?;

    tx.finish(Status::Created, Created(made)).await
}

#[cfg(test)]
mod tests {
    use auth::api_key::ApiKey;
    use auth::{Caller, Credential, Moment, Principal, Role, Standing};
    use chrono::TimeDelta;
    use ids::{RequestId, SessionId, UserId};
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/me/api-keys";
    const HOME: &str = "192.0.2.1";

    #[tokio::test]
    async fn t19_the_text_is_shown_once_and_only_a_hash_is_kept() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let body = json!({"name": "laptop", "scopes": ["vm.read", "me.read"], "project": "default",
                          "networks": ["192.0.2.7/24"], "expires_in": 60});
        let made = ada.post_once(PATH, "once", body.clone()).await.expect(201).json;
        let shown = made["key"].as_str().unwrap();
        let key = ApiKey::parse(shown).unwrap();
        assert_eq!(made["api_key"]["id"], json!(key.id));
        assert_eq!(made["api_key"]["networks"], json!(["192.0.2.0/24"]));
        assert_eq!(made["api_key"]["scopes"], json!(["me.read", "vm.read"]));
        let again = ada.post_once(PATH, "once", body).await.expect(409);
        assert!(!again.text.contains(shown));
        let secret = &shown[37..101];
        for table in ["identity.api_keys", "identity.replies", "bus.outbox"] {
            let dump = test.dump(table).await;
            assert!(!dump.contains(secret) && !dump.is_empty(), "{table}");
        }
        assert!(!ada.get(PATH).await.expect(200).text.contains(secret));
    }

    #[tokio::test]
    async fn a_key_can_do_what_its_scopes_and_its_project_allow() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        ada.post("/api/v1/projects", json!({"name": "shop"})).await.expect(201);
        let make = async |body| ada.post(PATH, body).await.expect(201).json["key"].clone();
        let all = make(json!({"name": "all"})).await;
        let all = test.enter_by_key(&all, HOME).await.unwrap();
        all.get("/api/v1/projects/shop").await.expect(200);
        let reader = make(json!({"name": "reader", "scopes": ["project.read"]})).await;
        let reader = test.enter_by_key(&reader, HOME).await.unwrap();
        reader.get("/api/v1/projects/shop").await.expect(200);
        reader.get("/api/v1/me").await.expect(403);
        reader.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        let narrow = make(json!({"name": "narrow", "project": "shop"})).await;
        let narrow = test.enter_by_key(&narrow, HOME).await.unwrap();
        narrow.get("/api/v1/projects/shop").await.expect(200);
        narrow.get("/api/v1/projects/default").await.expect(404);
        narrow.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let past = test.bench.clock.now() - TimeDelta::seconds(1);
        let body = json!({"name": "", "scopes": ["vm.fly"], "networks": ["10.0.0.0/99"], "expires_at": past});
        let refused = ada.post(PATH, body).await.expect(400).json;
        let places: Vec<_> = (0..4).map(|n| refused["errors"][n]["pointer"].clone()).collect();
        assert_eq!(places, ["/name", "/scopes", "/networks/0", "/expires_at"]);
        for body in [
            json!({"name": "a", "scopes": []}),
            json!({"name": "a", "expires_in": 0}),
            json!({"name": "a", "user_id": UserId::mint()}),
        ] {
            ada.post(PATH, body).await.expect(400);
        }
        ada.post(PATH, json!({"name": "a", "project": "none"}))
            .await
            .expect(404);
        test.client.post(PATH, json!({"name": "a"})).await.expect(401);
    }

    #[tokio::test]
    async fn t18_nobody_makes_a_key_for_what_they_may_not_do() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        for scope in ["vm.create", "vm.*", "audit.list"] {
            let refused = viewer.post(PATH, json!({"name": "a", "scopes": [scope]})).await;
            assert_eq!(refused.expect(403).code(), "forbidden", "{scope}");
        }
    }

    #[tokio::test]
    async fn t14_it_asks_for_a_fresh_factor() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let bindings = tenant.caller(Role::Owner).bindings().to_vec();
        let standing = Standing {
            step_up_minutes: Some(15),
            ..Standing::of(tenant.id, Principal::User(UserId::mint()), bindings, None)
        };
        let moment = Moment {
            now: test.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let session = Credential::Session(SessionId::mint());
        let stale: Caller = standing.caller(session, &moment, RequestId::mint()).unwrap();
        let refused = test.client.caller(&stale).post(PATH, json!({"name": "a"})).await;
        assert_eq!(refused.expect(403).code(), "step_up_required");
    }

    #[tokio::test]
    async fn t18_a_key_makes_a_key_only_if_it_says_so_and_none_wider_than_itself() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        test.never_step_up("acme").await;
        let make = async |body| ada.post(PATH, body).await.expect(201).json["key"].clone();
        let plain = make(json!({"name": "plain"})).await;
        let plain = test.enter_by_key(&plain, HOME).await.unwrap();
        plain.post(PATH, json!({"name": "child"})).await.expect(403);
        let maker = json!({"name": "maker", "scopes": ["api_key.create", "vm.read"], "expires_in": 600});
        let maker = make(maker).await;
        let maker = test.enter_by_key(&maker, HOME).await.unwrap();
        for wider in [
            json!({"name": "child"}),
            json!({"name": "child", "scopes": ["vm.read", "vm.list"], "expires_in": 60}),
            json!({"name": "child", "scopes": ["vm.read"]}),
            json!({"name": "child", "scopes": ["vm.read"], "expires_in": 1200}),
        ] {
            maker.post(PATH, wider).await.expect(403);
        }
        let child = json!({"name": "child", "scopes": ["vm.read"], "expires_in": 60});
        maker.post(PATH, child).await.expect(201);
    }

    #[tokio::test]
    async fn nobody_hoards_keys() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        for n in 0..crate::api_key::MOST {
            ada.post(PATH, json!({"name": format!("key {n}")})).await.expect(201);
        }
        assert_eq!(
            ada.post(PATH, json!({"name": "more"})).await.expect(409).code(),
            "conflict"
        );
    }
}
