use actix_web::post;
use actix_web::web::{Data, Json};
use auth::PLATFORM;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::{BegunAtProvider, name, tell, turned_away};
use crate::api::auth::budget;
use crate::guess;
use crate::oidc::secret::{LIVES, Secret};
use crate::state::Identity;
use crate::store;

/// By which provider somebody wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginAtProvider {
    /// The tenant's name.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: String,
    /// The provider's name.
    #[schema(example = "corporate", max_length = 63)]
    pub provider: String,
    /// Ask the provider to have them prove anew who they are: what asks for a factor shown of late is answered by that.
    #[serde(default)]
    #[schema(example = false)]
    pub anew: bool,
}

/// Begins to sign in by an identity provider.
#[utoipa::path(
    operation_id = "begin_provider_sign_in",
    tag = "auth",
    description = "Answers where to send the person, and a secret for their browser to keep; the provider sends them back to the \
                   portal, and both go to `/auth/oidc/complete`. No such tenant and no such provider read the same. 429 says \
                   how long to wait after too many beginnings without an end.",
    request_body(content = BeginAtProvider, description = "Which provider"),
    responses((status = 200, description = "Where to go", body = BegunAtProvider), Refusals),
    security(()),
)]
#[post("/auth/oidc/begin")]
pub async fn begin_provider_sign_in(
    ask: Open<BeginAtProvider>,
    identity: Data<Identity>,
) -> Result<Json<BegunAtProvider>, fault::Error> {
    let (tenant, provider) = (
        name("/tenant", &ask.body.tenant)?,
        name("/provider", &ask.body.provider)?,
    );

    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::external(&identity.guesses, &guess::network(ask.origin.address));
    if let Some(spent) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        drop(tx);
        let whom = (PLATFORM, "identity_provider:unknown".to_owned());
        return Err(budget::slow_down(&identity, &ask.origin, whom, spent).await?);
    }
    let provider = store::identity_providers::offered(&mut tx, tenant.as_str(), provider.as_str()).await?;
    tx.commit().await?;
    let provider = provider.ok_or_else(|| fault::Error::not_found("identity provider"))?;

    let secret = Secret::make(provider.tenant);
    let url = match identity.providers.know(&provider.issuer).await {
        Ok(known) => identity
            .providers
            .authorization_url(&known, &provider, &secret, ask.body.anew),
        Err(error) => Err(error),
    };
    let authorization_url = match url {
        Ok(url) => url,
        Err(error) => {
            tell(&identity, &ask.origin, &provider, &error.to_string()).await?;
            return Err(turned_away(&error));
        }
    };

    let mut tx = identity.begin_sign_in().await?;
    store::external_identities::leave(&mut tx, &secret, provider.id, ask.body.anew).await?;
    tx.commit().await?;
    Ok(Json(BegunAtProvider {
        authorization_url,
        secret: secret.expose(),
        expires_in: LIVES.num_seconds(),
    }))
}
