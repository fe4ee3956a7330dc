use actix_web::post;
use actix_web::web::{Data, Json};
use db::Reason;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::name;
use crate::state::Identity;
use crate::store;

/// Whose providers.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OfTenant {
    /// The tenant's name.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: String,
}

/// A provider one may sign in by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedProvider {
    /// Its name, to begin with.
    #[schema(example = "corporate")]
    pub name: String,
    /// What to show.
    #[schema(example = "Example Corp.")]
    pub display_name: String,
}

/// The providers one may sign in by.
#[derive(Debug, Serialize, ToSchema)]
pub struct OfferedProviders {
    /// The providers, by name.
    pub items: Vec<OfferedProvider>,
    /// Always none: nobody has so many.
    pub next_page: Option<String>,
}

/// Lists the identity providers that a tenant offers to sign in by.
#[utoipa::path(
    operation_id = "list_sign_in_providers",
    tag = "auth",
    description = "For the sign-in page. A tenant that does not exist offers none, as one without providers does.",
    request_body(content = OfTenant, description = "Whose providers"),
    responses((status = 200, description = "The providers", body = OfferedProviders), Refusals),
    security(()),
)]
#[post("/auth/oidc/providers")]
pub async fn list_sign_in_providers(
    ask: Open<OfTenant>,
    identity: Data<Identity>,
) -> Result<Json<OfferedProviders>, fault::Error> {
    let tenant = name("/tenant", &ask.body.tenant)?;

    let mut tx = identity.db.system(Reason::SignIn).await?;
    let offered = store::identity_providers::all_offered(&mut tx, tenant.as_str()).await?;

    let shown = |(name, display_name)| OfferedProvider { name, display_name };
    Ok(Json(OfferedProviders {
        items: offered.into_iter().map(shown).collect(),
        next_page: None,
    }))
}
