use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::account_key;
use web::{Listing, Page, Read, Refusals, Window};

use super::AccountCredentialView;
use crate::account::credential::Credential;
use crate::api::keys::ListApiKeys;
use crate::api::service_accounts::InAccount;
use crate::state::Identity;
use crate::store;

/// Lists a service account's credentials.
#[utoipa::path(
    operation_id = "list_account_credentials",
    tag = "service-accounts",
    description = "The account's secrets and keys for access tokens, oldest first, a page at a time. Needs `account_key.list`.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), ListApiKeys),
    responses((status = 200, description = "A page of credentials", body = Page<AccountCredentialView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/service-accounts/{account}/credentials")]
pub async fn list_account_credentials(
    ask: Read<account_key::List, ListApiKeys>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Result<Page<AccountCredentialView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;
    let listing = Listing {
        limit: ask.query.limit(),
        page_token: ask.query.page_token(),
        filter: ("account-credentials", account.id),
    };
    let window = Window::parse(account.tenant, &listing)?;

    let rows = store::account_credentials::list(&mut tx, &account, &window).await?;
    let key = |row: &Credential| vec![row.id.to_string()];
    Ok(window.page(rows, key, |row| AccountCredentialView::from(&row)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn each_account_has_its_own_page_after_page() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for account in ["one", "two"] {
            owner
                .post("/api/v1/service-accounts", json!({"name": account}))
                .await
                .expect(201);
            for name in ["a", "b"] {
                let path = format!("/api/v1/service-accounts/{account}/credentials");
                owner
                    .post(&path, json!({"name": format!("{name} of {account}")}))
                    .await
                    .expect(201);
            }
        }
        let path = "/api/v1/service-accounts/two/credentials?limit=1";
        let first = owner.get(path).await.expect(200).json;
        assert_eq!(first["items"][0]["name"], "a of two");
        let next = format!("{path}&page_token={}", first["next_page"].as_str().unwrap());
        let second = owner.get(&next).await.expect(200).json;
        assert_eq!(
            (&second["items"][0]["name"], &second["next_page"]),
            (&json!("b of two"), &json!(null))
        );
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.get(path).await.expect(403);
    }
}
