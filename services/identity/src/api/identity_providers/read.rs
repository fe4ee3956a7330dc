use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::identity_provider;
use web::{Found, Read, Refusals};

use super::{IdentityProviderView, InProvider};
use crate::state::Identity;
use crate::store;

/// Reads an identity provider.
#[utoipa::path(
    operation_id = "read_identity_provider",
    tag = "identity-providers",
    description = "A provider of the tenant, without its client's secret. Needs `identity_provider.read`.",
    params(("provider" = String, Path, description = "Id or name", example = "corporate")),
    responses((status = 200, description = "The provider", body = IdentityProviderView), Refusals),
    security(("bearer" = [])),
)]
#[get("/identity-providers/{provider}")]
pub async fn read_identity_provider(
    ask: Read<identity_provider::Read>,
    path: Path<InProvider>,
    identity: Data<Identity>,
) -> Result<Found<IdentityProviderView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let provider = store::identity_providers::lookup(&mut tx, &path.provider).await?;
    let rules = store::identity_providers::rules(&mut tx, provider.id).await?;

    Ok(Found(IdentityProviderView::of(
        &provider,
        &rules,
        identity.providers.redirect(),
    )))
}
