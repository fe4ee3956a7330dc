use actix_web::post;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use crate::api::auth::budget;
use crate::api::webauthn::RequestOptions;
use crate::factor::passkey::ceremony::{self, Ceremony};
use crate::guess;
use crate::state::Identity;
use crate::store;

/// A question to a device: to show a key.
#[derive(Serialize, ToSchema)]
pub struct BegunSignIn {
    /// Send it back with the device's answer. Good once, for five minutes, and from the same address. A secret.
    #[schema(example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn")]
    pub ceremony: String,
    /// What `navigator.credentials.get` takes as `publicKey`.
    pub public_key: RequestOptions,
}

/// Asks for a passkey at the door.
#[utoipa::path(
    operation_id = "begin_sign_in_with_passkey",
    tag = "auth",
    description = "Answers what the device is to be asked (Web Authentication level 3): to show any key that it has found by \
                   itself, with `mediation: conditional` where the browser offers that. Good once, for five minutes.",
    responses((status = 200, description = "What to ask the device", body = BegunSignIn), Refusals),
    security(()),
)]
#[post("/auth/passkey:begin")]
pub async fn begin_sign_in_with_passkey(
    ask: Open,
    identity: Data<Identity>,
) -> Result<Json<BegunSignIn>, fault::Error> {
    let party = identity.relying_party()?;
    let network = guess::network(ask.origin.address);
    let (options, asked) = party.ask(&[]).map_err(fault::Error::internal)?;
    let token = ceremony::token();

    let mut tx = identity.begin_sign_in().await?;
    let budgets = guess::questions(&identity.guesses, &network);
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        return Err(budget::too_many(wait, budget::SIGN_INS));
    }
    let begun = Ceremony::SignIn { network, asked };
    store::ceremonies::insert(&mut tx, &identity.kek, token.digest(), &begun).await?;
    tx.commit().await?;

    Ok(Json(BegunSignIn {
        ceremony: token.reveal(),
        public_key: RequestOptions::of(options),
    }))
}
