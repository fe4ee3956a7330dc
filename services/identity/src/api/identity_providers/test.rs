use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::identity_provider;
use db::{Done, Outcome, Status, Subject};
use ids::{IdOrName, IdentityProviderId};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use super::InProvider;
use crate::api::auth::budget;
use crate::guess;
use crate::state::Identity;
use crate::store;

/// What a provider says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct TestedIdentityProvider {
    /// The provider.
    pub id: IdentityProviderId,
    /// Does it answer as a provider does?
    #[schema(example = true)]
    pub ok: bool,
    /// What is wrong, in words.
    #[schema(example = "its discovery document is of another issuer; check the spelling, the last slash included")]
    pub problem: Option<String>,
    /// Where people are sent.
    #[schema(example = "https://id.example.com/realms/corp/protocol/openid-connect/auth")]
    pub authorization_endpoint: Option<String>,
    /// How many of its keys can be used.
    #[schema(example = 2)]
    pub keys: Option<usize>,
}

impl Subject for TestedIdentityProvider {
    fn object(&self) -> String {
        format!("identity_provider:{}", self.id)
    }
}

/// Asks a provider what it says of itself.
#[utoipa::path(
    operation_id = "test_identity_provider",
    tag = "identity-providers",
    description = "Fetches its discovery document and keys now, and says what is wrong with them. It does not try the client's \
                   secret: only a sign-in does. A few times a minute at most. Needs `identity_provider.operate`.",
    params(("provider" = String, Path, description = "Id or name", example = "corporate"), DryRun),
    responses((status = 200, description = "What it says", body = TestedIdentityProvider), Refusals),
    security(("bearer" = [])),
)]
#[post("/identity-providers/{provider:[^:/]+}:test")]
pub async fn test_identity_provider(
    ask: Change<identity_provider::Operate>,
    path: Path<InProvider>,
    identity: Data<Identity>,
) -> Outcome<TestedIdentityProvider> {
    // Looked up and let go: no transaction is open while the provider is asked.
    let provider = {
        let mut tx = ask.begin(&identity.db).await?;
        store::identity_providers::lookup(&mut tx, &path.provider)
            .await?
            .clone()
    };
    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::provider_questions(&provider.tenant.to_string());
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        return Err(budget::too_many(wait, "Wait as long as Retry-After says before asking again.").into());
    }
    tx.commit().await.map_err(fault::Error::from)?;
    let said = identity.providers.discover(&provider.issuer).await;

    let mut tx = ask.begin(&identity.db).await?;
    let provider = store::identity_providers::lookup(&mut tx, &IdOrName::Id(provider.id)).await?;
    let tested = TestedIdentityProvider {
        id: provider.id,
        ok: said.is_ok(),
        problem: said.as_ref().err().map(ToString::to_string),
        authorization_endpoint: said
            .as_ref()
            .ok()
            .map(|known| known.authorization_endpoint().to_owned()),
        keys: said.as_ref().ok().map(|known| known.keys()),
    };
    tx.finish(Status::Ok, Done(tested)).await
}
