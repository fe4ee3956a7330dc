use actix_web::get;
use actix_web::web::{Data, Json, Path};
use auth::action::account_key;
use web::{Read, Refusals};

use super::InAccountKey;
use crate::api::keys::ApiKeyView;
use crate::state::Identity;
use crate::store;

/// Reads a service account's API key.
#[utoipa::path(
    operation_id = "read_account_api_key",
    tag = "service-accounts",
    description = "What a key is good for and when it was last used; never its secret. Needs `account_key.read`.",
    params(
        ("account" = String, Path, description = "Id or name", example = "backup"),
        ("key" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
    ),
    responses((status = 200, description = "The key", body = ApiKeyView), Refusals),
    security(("bearer" = [])),
)]
#[get("/service-accounts/{account}/api-keys/{key}")]
pub async fn read_account_api_key(
    ask: Read<account_key::Read>,
    path: Path<InAccountKey>,
    identity: Data<Identity>,
) -> Result<Json<ApiKeyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let account = store::service_accounts::lookup(&mut tx, &path.account).await?;
    let holder = account.of(account.holder())?;

    let key = store::api_keys::lookup(&mut tx, &holder, path.key).await?;
    Ok(Json(ApiKeyView::from(&key)))
}
