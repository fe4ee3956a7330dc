use actix_web::get;
use actix_web::web::{Data, Json, Path};
use auth::action::api_key;
use web::{Read, Refusals};

use super::{InKey, oneself};
use crate::api::keys::ApiKeyView;
use crate::state::Identity;
use crate::store;

/// Reads one of the caller's API keys.
#[utoipa::path(
    operation_id = "read_my_api_key",
    tag = "api-keys",
    description = "What a key is good for and when it was last used; never its secret.",
    params(("key" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")),
    responses((status = 200, description = "The key", body = ApiKeyView), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/api-keys/{key}")]
pub async fn read_my_api_key(
    ask: Read<api_key::Read>,
    path: Path<InKey>,
    identity: Data<Identity>,
) -> Result<Json<ApiKeyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let holder = tx.grant(oneself(ask.caller()))?;

    let key = store::api_keys::lookup(&mut tx, &holder, path.key).await?;
    Ok(Json(ApiKeyView::from(&key)))
}

#[cfg(test)]
mod tests {
    use ids::ApiKeyId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_key_reads_like_one_that_never_was() {
        let test = start().await;
        let (ada, bob) = (test.enter_new("one").await, test.enter_new("two").await);
        let made = ada.post("/api/v1/me/api-keys", json!({"name": "a"})).await.expect(201);
        let path = format!("/api/v1/me/api-keys/{}", made.json["api_key"]["id"].as_str().unwrap());
        assert_eq!(ada.get(&path).await.expect(200).json, made.json["api_key"]);
        let foreign = bob.get(&path).await.expect(404);
        let absent = bob.get(&format!("/api/v1/me/api-keys/{}", ApiKeyId::mint())).await;
        assert_eq!(foreign.without_request(), absent.expect(404).without_request());
        bob.delete(&path).await.expect(404);
        ada.get(&path).await.expect(200);
    }
}
