use actix_web::post;
use actix_web::web::Data;
use auth::action::factor;
use crypto::{KeyError, TenantKeys};
use db::{Done, Outcome, Status, Subject};
use ids::UserId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use crate::api::factors::signed_in;
use crate::api::webauthn::CreationOptions;
use crate::factor::passkey::ceremony::{self, Ceremony};
use crate::factor::passkey::{self, Attestation, Refused};
use crate::factor::{Factor, Kind, MOST};
use crate::state::Identity;
use crate::store;

/// A question to the caller's device: to make a key.
#[derive(Serialize, ToSchema)]
pub struct BegunWebauthn {
    /// Send it back with the device's answer. Good once, for five minutes. A secret.
    #[schema(example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn")]
    pub ceremony: String,
    /// What `navigator.credentials.create` takes as `publicKey`.
    pub public_key: CreationOptions,
    #[serde(skip)]
    user: UserId,
}

impl Subject for BegunWebauthn {
    const SECRET: bool = true;

    fn object(&self) -> String {
        format!("user:{}", self.user)
    }

    fn record(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// Begins to add a passkey or hardware key for the caller.
#[utoipa::path(
    operation_id = "enrol_webauthn",
    tag = "auth",
    description = "Answers what the caller's device is to be asked (Web Authentication level 3). The key must verify its \
                   holder, by finger, face or PIN. It counts once its answer is sent to `/me/mfa/webauthn:confirm`. Asks for \
                   a factor shown of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; what is asked then is answered nowhere"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: a secret is not shown twice"),
    ),
    responses((status = 200, description = "What to ask the device", body = BegunWebauthn), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/webauthn")]
pub async fn enrol_webauthn(ask: Change<factor::Create>, identity: Data<Identity>) -> Outcome<BegunWebauthn> {
    let (user, _) = signed_in(ask.caller())?;
    let party = identity.relying_party()?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let email = store::people::email(&mut tx, &tenant, user).await?;
    if email.is_empty() {
        return Err(fault::Error::not_found("person").into());
    }
    let present = store::factors::list(&mut tx, &tenant, user).await?;
    room_for_one_more(&present)?;
    let has = keys(tx.keys()?, &present)?;
    let wanted = store::policies::lookup(&mut tx).await?.attestation;

    let (options, registration) = party.enrol((user, &email), &has, &wanted).map_err(unable)?;
    let token = ceremony::token();
    let begun = Ceremony::Enrol {
        tenant: tenant.id,
        user,
        registration,
    };
    store::ceremonies::insert_with(&mut tx, &identity.kek, token.digest(), &begun).await?;

    let shown = BegunWebauthn {
        ceremony: token.reveal(),
        public_key: CreationOptions::of(options, wanted != Attestation::None),
        user,
    };
    tx.finish(Status::Ok, Done(shown)).await
}

fn unable(refused: Refused) -> fault::Error {
    match refused {
        Refused::Unverifiable => fault::Error::conflict(refused.to_string()),
        other => fault::Error::internal(other),
    }
}

/// One may have so many, and no more.
pub(in crate::api::factors) fn room_for_one_more(present: &[Factor]) -> Result<(), fault::Error> {
    if present.iter().filter(|factor| factor.confirmed_at.is_some()).count() < MOST {
        return Ok(());
    }
    Err(fault::Error::conflict(
        "You have as many factors as one may have; remove one first.",
    ))
}

/// The passkeys among somebody's factors.
pub fn keys(keys: &TenantKeys, factors: &[Factor]) -> Result<Vec<webauthn_rs::prelude::Passkey>, KeyError> {
    factors
        .iter()
        .filter(|factor| factor.kind == Kind::Webauthn)
        .map(|factor| passkey::open(keys, (factor.tenant, factor.id), &factor.sealed))
        .collect()
}
