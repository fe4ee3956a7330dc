use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::account_key;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{AccountCredentialView, InCredential};
use crate::state::Identity;
use crate::store;

/// Removes a service account's credential.
#[utoipa::path(
    operation_id = "delete_account_credential",
    tag = "service-accounts",
    description = "It gives no more access tokens, and those that it gave are good for nothing within five seconds. Needs \
                   `account_key.delete`.",
    params(
        ("account" = String, Path, description = "Id or name", example = "backup"),
        ("credential" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 200, description = "Dry run: what would be removed", body = AccountCredentialView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/service-accounts/{account}/credentials/{credential}")]
pub async fn delete_account_credential(
    ask: Change<account_key::Delete>,
    path: Path<InCredential>,
    identity: Data<Identity>,
) -> Outcome<AccountCredentialView> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;

    let gone = store::account_credentials::remove(&mut tx, &account, path.credential).await?;
    let gone = gone.ok_or_else(|| fault::Error::not_found("credential"))?;

    tx.finish(Status::NoContent, Removed(AccountCredentialView::from(&gone)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_the_accounts_own_that_goes() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for account in ["one", "two"] {
            owner
                .post("/api/v1/service-accounts", json!({"name": account}))
                .await
                .expect(201);
        }
        let path = "/api/v1/service-accounts/one/credentials";
        let made = owner.post(path, json!({"name": "a"})).await.expect(201).json;
        let id = made["credential"]["id"].as_str().unwrap();
        owner
            .delete(&format!("/api/v1/service-accounts/two/credentials/{id}"))
            .await
            .expect(404);
        owner.delete(&format!("{path}/{id}?dry_run=true")).await.expect(200);
        owner.delete(&format!("{path}/{id}")).await.expect(204);
        owner.delete(&format!("{path}/{id}")).await.expect(404);
    }
}
