use actix_web::get;
use actix_web::web::{Data, Json};
use web::Refusals;

use super::discovery::ProviderMetadata;
use crate::state::Identity;

/// Reads what this platform offers to OAuth 2.0's clients.
#[utoipa::path(
    operation_id = "read_oauth_metadata",
    tag = "oauth",
    description = "RFC 8414: the same as `/.well-known/openid-configuration`, for clients that know no OpenID Connect.",
    responses((status = 200, description = "The description", body = ProviderMetadata), Refusals),
    security(()),
)]
#[get("/.well-known/oauth-authorization-server")]
pub async fn read_oauth_metadata(identity: Data<Identity>) -> Json<ProviderMetadata> {
    Json(ProviderMetadata::of(identity.keys.issuer()))
}
