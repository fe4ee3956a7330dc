use actix_web::post;
use actix_web::web::Data;
use auth::action::session;
use db::{Done, Outcome, Status, Subject};
use ids::SessionId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use crate::api::factors::signed_in;
use crate::api::factors::webauthn::begin::keys;
use crate::api::webauthn::RequestOptions;
use crate::factor::passkey::ceremony::{self, Ceremony};
use crate::state::Identity;
use crate::store;

/// A question to the caller's device: to show a key again.
#[derive(Serialize, ToSchema)]
pub struct BegunStepUp {
    /// Send it back with the device's answer. Good once, for five minutes, in this session. A secret.
    #[schema(example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn")]
    pub ceremony: String,
    /// What `navigator.credentials.get` takes as `publicKey`.
    pub public_key: RequestOptions,
    #[serde(skip)]
    session: SessionId,
}

impl Subject for BegunStepUp {
    const SECRET: bool = true;

    fn object(&self) -> String {
        format!("session:{}", self.session)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Asks for a passkey to be shown again.
#[utoipa::path(
    operation_id = "begin_step_up",
    tag = "auth",
    description = "Answers what the caller's device is to be asked; the answer goes to `/auth/step-up` as `passkey`. Needs a \
                   passkey.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; what is asked then is answered nowhere"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    responses((status = 200, description = "What to ask the device", body = BegunStepUp), Refusals),
    security(("bearer" = [])),
)]
#[post("/auth/step-up:begin")]
pub async fn begin_step_up(ask: Change<session::Challenge>, identity: Data<Identity>) -> Outcome<BegunStepUp> {
    let (user, session) = signed_in(ask.caller())?;
    let party = identity.relying_party()?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let factors = store::factors::list(&mut tx, &tenant, user).await?;
    let keys = keys(tx.keys()?, &factors)?;
    if keys.is_empty() {
        return Err(fault::Error::conflict("You have no passkey; show what you have.").into());
    }

    let (options, asked) = party.ask(&keys).map_err(fault::Error::internal)?;
    let token = ceremony::token();
    let begun = Ceremony::StepUp { session, asked };
    store::ceremonies::insert_with(&mut tx, &identity.kek, token.digest(), &begun).await?;

    let shown = BegunStepUp {
        ceremony: token.reveal(),
        public_key: RequestOptions::of(options),
        session,
    };
    tx.finish(Status::Ok, Done(shown)).await
}
