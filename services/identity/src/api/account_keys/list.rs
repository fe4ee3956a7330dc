use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::account_key;
use web::{Page, Read, Refusals};

use crate::api::keys::{ApiKeyView, ListApiKeys};
use crate::api::service_accounts::InAccount;
use crate::api_key::Key;
use crate::state::Identity;
use crate::store;

/// Lists a service account's API keys.
#[utoipa::path(
    operation_id = "list_account_api_keys",
    tag = "service-accounts",
    description = "The account's keys, oldest first, a page at a time; revoked ones are gone. Needs `account_key.list`.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), ListApiKeys),
    responses((status = 200, description = "A page of keys", body = Page<ApiKeyView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/service-accounts/{account}/api-keys")]
pub async fn list_account_api_keys(
    ask: Read<account_key::List, ListApiKeys>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Result<Page<ApiKeyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;
    let holder = account.of(account.holder())?;
    let window = ask.query.window(&holder)?;

    let keys = store::api_keys::list(&mut tx, &holder, &window).await?;
    Ok(window.page(keys, |key: &Key| vec![key.id.to_string()], |key| ApiKeyView::from(&key)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn each_account_has_its_own() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for name in ["one", "two"] {
            owner
                .post("/api/v1/service-accounts", json!({"name": name}))
                .await
                .expect(201);
            let keys = format!("/api/v1/service-accounts/{name}/api-keys");
            owner
                .post(&keys, json!({"name": format!("of {name}")}))
                .await
                .expect(201);
        }
        let auditor = test.client.caller(&tenant.caller(Role::Auditor));
        let listed = auditor
            .get("/api/v1/service-accounts/two/api-keys")
            .await
            .expect(200)
            .json;
        assert_eq!(
            (listed["items"].as_array().unwrap().len(), &listed["items"][0]["name"]),
            (1, &json!("of two"))
        );
        owner.get("/api/v1/service-accounts/none/api-keys").await.expect(404);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.get("/api/v1/service-accounts/two/api-keys").await.expect(403);
    }
}
