use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::account_key;
use db::{Created, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use crate::api::keys::{ApiKeySecret, CreateApiKey, NewKey};
use crate::api::service_accounts::{InAccount, hold_covered};
use crate::state::Identity;

/// Makes an API key of a service account's.
#[utoipa::path(
    operation_id = "create_account_api_key",
    tag = "service-accounts",
    description = "Its text is shown once, and only a hash is kept. It can do what the account can, as far as its scopes and its \
                   project reach. Whoever makes it must carry all the account's rights themself. Needs `account_key.create`, \
                   and asks for a factor shown of late.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), DryRun, Once),
    request_body(content = CreateApiKey, description = "The key to be"),
    responses((status = 201, description = "Created", body = ApiKeySecret), Refusals),
    security(("bearer" = [])),
)]
#[post("/service-accounts/{account}/api-keys")]
pub async fn create_account_api_key(
    ask: Change<account_key::Create, CreateApiKey>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Outcome<ApiKeySecret> {
    let new = NewKey::check(&ask.body, identity.db.clock().now())?;

    let mut tx = ask.begin(&identity.db).await?;
    let account = hold_covered(&mut tx, &path.account).await?;
    let holder = account.of(account.holder())?;

    let made = new.make(&mut tx, &holder).await?;

    tx.finish(Status::Created, Created(made)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn a_key_can_do_what_its_account_may() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner
            .post("/api/v1/service-accounts", json!({"name": "backup"}))
            .await
            .expect(201);
        let keys = format!("{}/api-keys", made.header("location"));
        let key = owner.post(&keys, json!({"name": "a"})).await.expect(201).json["key"].clone();
        let bare = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        bare.get("/api/v1/projects/default").await.expect(403);
        test.bind_account(&tenant, &made.json["id"], "viewer").await;
        let viewer = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        viewer.get("/api/v1/projects/default").await.expect(200);
        viewer.post("/api/v1/projects", json!({"name": "x"})).await.expect(403);
        let actor = format!("service_account:{}", made.json["id"].as_str().unwrap());
        assert!(
            test.dump("bus.outbox").await.contains(&actor),
            "the account is who acted"
        );
    }

    #[tokio::test]
    async fn t01_an_account_of_another_tenant_is_not_there() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let (me, them) = (
            test.client.caller(&mine.caller(Role::Owner)),
            test.client.caller(&theirs.caller(Role::Owner)),
        );
        let made = them
            .post("/api/v1/service-accounts", json!({"name": "backup"}))
            .await
            .expect(201);
        let keys = format!("{}/api-keys", made.header("location"));
        me.post(&keys, json!({"name": "a"})).await.expect(404);
        me.get(&keys).await.expect(404);
        let key = them.post(&keys, json!({"name": "a"})).await.expect(201).json;
        let path = format!("{keys}/{}", key["api_key"]["id"].as_str().unwrap());
        me.get(&path).await.expect(404);
        me.delete(&path).await.expect(404);
        them.post(&keys, json!({"name": "a", "scopes": ["vm.fly"]}))
            .await
            .expect(400);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.post(&keys, json!({"name": "a"})).await.expect(403);
    }
}
