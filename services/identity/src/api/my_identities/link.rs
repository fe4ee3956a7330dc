use actix_web::post;
use actix_web::web::Data;
use auth::action::external_identity;
use db::{Created, Outcome, Status, Subject};
use ids::{IdOrName, IdentityProviderId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use crate::api::auth::budget;
use crate::api::auth::oidc::{BegunAtProvider, turned_away};
use crate::api::factors::signed_in;
use crate::guess;
use crate::oidc::secret::{LIVES, Secret};
use crate::state::Identity;
use crate::store;

/// Which provider to link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkIdentity {
    /// The provider's name.
    #[schema(example = "corporate", max_length = 63)]
    pub provider: String,
}

/// Where to go to link a provider.
#[derive(Serialize, ToSchema)]
#[serde(transparent)]
pub struct Leaving {
    begun: BegunAtProvider,
    #[serde(skip)]
    provider: IdentityProviderId,
}

impl Subject for Leaving {
    const SECRET: bool = true;

    fn object(&self) -> String {
        format!("identity_provider:{}", self.provider)
    }

    fn record(&self) -> Value {
        json!({"step": "begun"})
    }
}

/// Begins to link an identity provider to the caller.
#[utoipa::path(
    operation_id = "link_identity",
    tag = "me",
    description = "Answers where to go, and a secret to keep; what the provider sends back goes with it to \
                   `/me/identities:confirm`. The provider is asked to have its person prove anew who they are. Asks for a \
                   factor shown of late.",
    params(
        DryRun,
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    request_body(content = LinkIdentity, description = "Which provider"),
    responses((status = 201, description = "Where to go", body = BegunAtProvider), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/identities")]
pub async fn link_identity(
    ask: Change<external_identity::Create, LinkIdentity>,
    identity: Data<Identity>,
) -> Outcome<Leaving> {
    let (user, _) = signed_in(ask.caller())?;
    let name = IdOrName::Name(ask.body.provider.clone());
    // Looked up and let go: no transaction is open while the provider is asked.
    let provider = {
        let mut tx = ask.begin(&identity.db).await?;
        store::identity_providers::lookup(&mut tx, &name).await?.clone()
    };
    if !provider.enabled {
        return Err(fault::Error::not_found("identity provider").into());
    }
    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::provider_questions(&user.to_string());
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        return Err(budget::too_many(wait, "Wait as long as Retry-After says before beginning again.").into());
    }
    tx.commit().await.map_err(fault::Error::from)?;
    let known = identity.providers.know(&provider.issuer).await;
    let known = known.map_err(|error| turned_away(&error))?;
    let secret = Secret::make(provider.tenant);
    let url = identity.providers.authorization_url(&known, &provider, &secret, true);
    let authorization_url = url.map_err(|error| turned_away(&error))?;

    let mut tx = ask.begin(&identity.db).await?;
    let provider = store::identity_providers::lookup(&mut tx, &IdOrName::Id(provider.id)).await?;
    store::external_identities::leave_to_link(&mut tx, user, &secret, &provider).await?;

    let leaving = Leaving {
        begun: BegunAtProvider {
            authorization_url,
            secret: secret.expose(),
            expires_in: LIVES.num_seconds(),
        },
        provider: provider.id,
    };
    tx.finish(Status::Created, Created(leaving)).await
}
