use actix_web::get;
use actix_web::web::Data;
use auth::action::api_key;
use web::{Page, Read, Refusals};

use super::oneself;
use crate::api::keys::{ApiKeyView, ListApiKeys};
use crate::api_key::Key;
use crate::state::Identity;
use crate::store;

/// Lists the caller's API keys.
#[utoipa::path(
    operation_id = "list_my_api_keys",
    tag = "api-keys",
    description = "The caller's own keys, oldest first, a page at a time; revoked ones are gone.",
    params(ListApiKeys),
    responses((status = 200, description = "A page of keys", body = Page<ApiKeyView>), Refusals),
    security(("bearer" = [])),
)]
#[get("/me/api-keys")]
pub async fn list_my_api_keys(
    ask: Read<api_key::List, ListApiKeys>,
    identity: Data<Identity>,
) -> Result<Page<ApiKeyView>, fault::Error> {
    let window = ask.query.window(&oneself(ask.caller()))?;

    let mut tx = ask.begin(&identity.db).await?;
    let holder = tx.grant(oneself(ask.caller()))?;

    let keys = store::api_keys::list(&mut tx, &holder, &window).await?;
    Ok(window.page(keys, |key: &Key| vec![key.id.to_string()], |key| ApiKeyView::from(&key)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn each_sees_their_own_page_by_page() {
        let test = start().await;
        let (ada, bob) = (test.enter_new("one").await, test.enter_new("two").await);
        for name in ["a", "b", "c"] {
            ada.post("/api/v1/me/api-keys", json!({"name": name})).await.expect(201);
        }
        let (mut names, mut path) = (Vec::new(), "/api/v1/me/api-keys?limit=2".to_owned());
        loop {
            let page = ada.get(&path).await.expect(200).json;
            for key in page["items"].as_array().unwrap() {
                names.push(key["name"].as_str().unwrap().to_owned());
            }
            let Some(next) = page["next_page"].as_str() else { break };
            bob.get(&format!("/api/v1/me/api-keys?limit=2&page_token={next}"))
                .await
                .expect(400);
            path = format!("/api/v1/me/api-keys?limit=2&page_token={next}");
        }
        assert_eq!(names, ["a", "b", "c"]);
        assert_eq!(
            bob.get("/api/v1/me/api-keys").await.expect(200).json["items"],
            json!([])
        );
        test.client.get("/api/v1/me/api-keys").await.expect(401);
    }
}
