use actix_web::get;
use actix_web::web::{Data, Json};
use auth::token::Jwks;
use web::Refusals;

use crate::service::Identity;

/// Reads the public keys that access tokens are signed with.
#[utoipa::path(
    operation_id = "read_jwks",
    tag = "auth",
    description = "The JWK set (RFC 7517). A new key is here ten minutes before it signs; an old one stays until its \
                   tokens are dead.",
    responses((status = 200, description = "The keys, newest first", body = Jwks), Refusals),
    security(()),
)]
#[get("/.well-known/jwks.json")]
pub async fn read_jwks(identity: Data<Identity>) -> Result<Json<Jwks>, fault::Error> {
    Ok(Json(identity.keys.jwks().await?))
}
