use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::api_key;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{InKey, oneself};
use crate::api::keys::ApiKeyView;
use crate::state::Identity;
use crate::store;

/// Revokes one of the caller's API keys.
#[utoipa::path(
    operation_id = "delete_my_api_key",
    tag = "api-keys",
    description = "Nothing is let in with it any more, within five seconds.",
    params(
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
#[delete("/me/api-keys/{key}")]
pub async fn delete_my_api_key(
    ask: Change<api_key::Delete>,
    path: Path<InKey>,
    identity: Data<Identity>,
) -> Outcome<ApiKeyView> {
    let mut tx = ask.begin(&identity.db).await?;
    let holder = tx.grant(oneself(ask.caller()))?;
    let key = store::api_keys::lookup(&mut tx, &holder, path.key).await?;

    store::api_keys::revoke(&mut tx, &holder, key.id).await?;

    tx.finish(Status::NoContent, Removed(ApiKeyView::from(&key))).await
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t17_a_revoked_key_is_good_for_nothing() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let made = ada.post("/api/v1/me/api-keys", json!({"name": "a"})).await.expect(201);
        let (key, id) = (&made.json["key"], made.json["api_key"]["id"].as_str().unwrap());
        let path = format!("/api/v1/me/api-keys/{id}");
        let by_key = test.enter_by_key(key, "192.0.2.1").await.unwrap();
        by_key.get("/api/v1/me").await.expect(200);
        ada.delete(&format!("{path}?dry_run=true")).await.expect(200);
        assert!(test.enter_by_key(key, "192.0.2.1").await.is_some());
        ada.delete(&path).await.expect(204);
        assert!(test.enter_by_key(key, "192.0.2.1").await.is_none());
        ada.delete(&path).await.expect(404);
        ada.get(&path).await.expect(404);
        assert_eq!(
            ada.get("/api/v1/me/api-keys").await.expect(200).json["items"],
            json!([])
        );
    }
}
