use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::account_key;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::InAccountKey;
use crate::api::keys::ApiKeyView;
use crate::state::Identity;
use crate::store;

/// Revokes a service account's API key.
#[utoipa::path(
    operation_id = "delete_account_api_key",
    tag = "service-accounts",
    description = "Nothing is let in with it any more, within five seconds. Needs `account_key.delete`.",
    params(
        ("account" = String, Path, description = "Id or name", example = "backup"),
        ("key" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Revoked"),
        (status = 200, description = "Dry run: what would be revoked", body = ApiKeyView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/service-accounts/{account}/api-keys/{key}")]
pub async fn delete_account_api_key(
    ask: Change<account_key::Delete>,
    path: Path<InAccountKey>,
    identity: Data<Identity>,
) -> Outcome<ApiKeyView> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;
    let holder = account.of(account.holder())?;
    let key = store::api_keys::lookup(&mut tx, &holder, path.key).await?;

    store::api_keys::revoke(&mut tx, &holder, key.id).await?;

    tx.finish(Status::NoContent, Removed(ApiKeyView::from(&key))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t17_a_revoked_key_lets_nothing_in() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        for name in ["one", "two"] {
            admin
                .post("/api/v1/service-accounts", json!({"name": name}))
                .await
                .expect(201);
        }
        let keys = "/api/v1/service-accounts/one/api-keys";
        let made = admin.post(keys, json!({"name": "a"})).await.expect(201).json;
        let id = made["api_key"]["id"].as_str().unwrap();
        let path = format!("{keys}/{id}");
        assert_eq!(admin.get(&path).await.expect(200).json, made["api_key"]);
        admin
            .delete(&format!("/api/v1/service-accounts/two/api-keys/{id}"))
            .await
            .expect(404);
        admin.delete(&format!("/api/v1/me/api-keys/{id}")).await.expect(404);
        assert!(test.enter_by_key(&made["key"], "192.0.2.1").await.is_some());
        admin.delete(&path).await.expect(204);
        assert!(test.enter_by_key(&made["key"], "192.0.2.1").await.is_none());
        admin.get(&path).await.expect(404);
    }
}
