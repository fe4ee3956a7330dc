use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::service_account;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InAccount, ServiceAccountView, hold_covered};
use crate::state::Identity;
use crate::store;

/// Deletes a service account.
#[utoipa::path(
    operation_id = "delete_service_account",
    tag = "service-accounts",
    description = "Its keys and role bindings go with it. Nobody deletes an account with more rights than their own. Send the \
                   `ETag` last read as `If-Match`. Needs `service_account.delete`, and asks for a factor shown of late.",
    params(("account" = String, Path, description = "Id or name", example = "backup"), DryRun, IfMatch),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = ServiceAccountView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/service-accounts/{account}")]
pub async fn delete_service_account(
    ask: Change<service_account::Delete>,
    path: Path<InAccount>,
    identity: Data<Identity>,
) -> Outcome<ServiceAccountView> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = hold_covered(&mut tx, &path.account).await?;
    let gone = ServiceAccountView::from(&*account);
    tx.must_match(&gone)?;

    store::service_accounts::remove(&mut tx, &account).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_goes_with_its_keys() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner
            .post("/api/v1/service-accounts", json!({"name": "backup"}))
            .await
            .expect(201);
        let path = made.header("location");
        test.bind_account(&tenant, &made.json["id"], "viewer").await;
        owner
            .post(&format!("{path}/api-keys"), json!({"name": "a"}))
            .await
            .expect(201);
        owner.delete(path).await.expect(428);
        owner.delete_if(path, "\"9\"").await.expect(412);
        owner.delete_if(&format!("{path}?dry_run=true"), "*").await.expect(200);
        owner.delete_if(path, made.header("etag")).await.expect(204);
        owner.get(path).await.expect(404);
        for table in [
            "identity.api_keys",
            "identity.role_bindings",
            "identity.service_accounts",
        ] {
            assert_eq!(test.dump(table).await, "", "{table}");
        }
    }
}
