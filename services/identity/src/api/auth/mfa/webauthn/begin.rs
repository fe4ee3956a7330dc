use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::super::{Factors, refused};
use crate::api::auth::budget;
use crate::api::auth::passkey::begin::BegunSignIn;
use crate::api::factors::webauthn::begin::keys;
use crate::api::webauthn::RequestOptions;
use crate::factor::Kind;
use crate::factor::passkey::ceremony::{self, Ceremony};
use crate::guess;
use crate::signin::challenge::Challenge;
use crate::state::Identity;
use crate::store;

/// A challenge for which a passkey is to be shown.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BeginWebauthn {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
}

/// Asks for a passkey as second factor.
#[utoipa::path(
    operation_id = "begin_sign_in_with_webauthn",
    tag = "auth",
    description = "Answers what the device is to be asked (Web Authentication level 3), for somebody whose challenge waits and \
                   who has a passkey. Good once, for five minutes.",
    request_body(content = BeginWebauthn, description = "The challenge"),
    responses((status = 200, description = "What to ask the device", body = BegunSignIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/webauthn:begin")]
pub async fn begin_sign_in_with_webauthn(
    ask: Open<BeginWebauthn>,
    identity: Data<Identity>,
) -> Result<Json<BegunSignIn>, fault::Error> {
    let party = identity.relying_party()?;
    let challenge = Challenge::parse(ask.body.challenge.expose_secret()).map_err(|_| refused())?;
    let network = guess::network(ask.origin.address);

    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::questions(&identity.guesses, &network);
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        return Err(budget::too_many(wait, budget::SIGN_INS));
    }
    let pending = store::challenges::claim(&mut tx, &challenge).await?;
    let pending = pending
        .filter(|pending| pending.is_of(&challenge, &network))
        .ok_or_else(refused)?;
    let has = Factors::lookup(&mut tx, (challenge.tenant, pending.user)).await?;
    if !pending.state(has.kinds()).awaits(Kind::Webauthn, tx.now()) {
        return Err(refused());
    }

    let keys = keys(&tx.keys(challenge.tenant)?, has.all())?;
    let (options, asked) = party.ask(&keys).map_err(fault::Error::internal)?;
    let token = ceremony::token();
    let begun = Ceremony::Second {
        challenge: challenge.id,
        asked,
    };
    store::ceremonies::insert(&mut tx, &identity.kek, token.digest(), &begun).await?;
    tx.commit().await?;

    Ok(Json(BegunSignIn {
        ceremony: token.reveal(),
        public_key: RequestOptions::of(options),
    }))
}
