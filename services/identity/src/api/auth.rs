//! Signing up, in and out: wire types and endpoints.

pub mod accept;
#[cfg(test)]
mod alike;
mod begin;
pub mod budget;
pub mod email;
pub mod login;
pub mod logout;
pub mod mfa;
mod newcomer;
pub mod oidc;
pub mod passkey;
pub mod password;
pub mod password_reset;
pub mod refresh;
pub mod signup;
pub mod step_up;

use actix_web::web::Json;
use auth::Owed;
use auth::token::LIFETIME_SECONDS;
use db::{AuditEvent, AuditOutcome, SystemTx};
use ids::{EventId, TenantId};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;
use web::Origin;

pub(in crate::api) use self::budget::too_many;
use crate::factor::Kind;
use crate::refresh::RefreshToken;
use crate::session::Session;
use crate::signin::Due;
use crate::signin::challenge::Challenge;
use crate::state::Identity;

/// How far a sign-in has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SignInStatus {
    /// All the way: here are the tokens.
    Authenticated,
}

/// The tokens of a session.
#[derive(Serialize, ToSchema)]
pub struct SignedIn {
    /// How far the sign-in has come.
    pub status: SignInStatus,
    /// Send it as `Authorization: Bearer` with every request.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.c2ln")]
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 300)]
    pub expires_in: i64,
    /// Turn it in once, at `/auth/refresh`, for the next pair of tokens.
    #[schema(example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis")]
    pub refresh_token: String,
    /// The tenant asks for a second factor that was not shown: until one is added or shown, the session is good for
    /// nothing else, and everything else gets `factor_enrolment_required`.
    #[schema(example = false)]
    pub must_enrol: bool,
    /// The password has come of age: until it is changed, the session is good for nothing else, and everything else gets
    /// `password_expired`.
    #[schema(example = false)]
    pub password_expired: bool,
}

/// How far a sign-in has come that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HalfWay {
    /// The password was right; a second factor is due.
    MfaRequired,
}

/// A sign-in whose second factor is due.
#[derive(Serialize, ToSchema)]
pub struct MfaRequired {
    /// How far the sign-in has come.
    pub status: HalfWay,
    /// Send it with the code. Good for five minutes, for five codes, and from the same address.
    #[schema(example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0")]
    pub challenge: String,
    /// What would do, the strongest first: `webauthn`, `totp`, `recovery`, `sms`, `email`. New words may come.
    #[schema(example = json!(["totp", "recovery", "sms"]))]
    pub methods: Vec<&'static str>,
    /// Those among them that are weaker, and whose codes must be sent first, by `/auth/mfa/sms:send` or `…/email:send`.
    #[schema(example = json!(["sms"]))]
    pub weaker: Vec<&'static str>,
}

impl MfaRequired {
    /// The challenge of a sign-in that waits.
    fn of(challenge: &Challenge, due: &Due) -> Self {
        let names = |kinds: &mut dyn Iterator<Item = &Kind>| kinds.map(|kind| kind.name()).collect();
        Self {
            status: HalfWay::MfaRequired,
            challenge: challenge.expose(),
            methods: names(&mut due.kinds.iter()),
            weaker: names(&mut due.kinds.iter().filter(|kind| kind.is_weaker())),
        }
    }
}

/// What signing in with a password leads to; `status` tells which.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum SignInAnswer {
    /// The tokens.
    Authenticated(SignedIn),
    /// What to show next.
    MfaRequired(MfaRequired),
}

impl Identity {
    /// The answer that hands out a session's tokens.
    async fn hand_out(&self, session: &Session, token: &RefreshToken) -> Result<Json<SignedIn>, fault::Error> {
        Ok(Json(SignedIn {
            status: SignInStatus::Authenticated,
            access_token: self.keys.access_token(session).await?,
            token_type: "Bearer",
            expires_in: LIFETIME_SECONDS,
            refresh_token: token.expose(),
            must_enrol: session.owes.contains(&Owed::Factor),
            password_expired: session.owes.contains(&Owed::Password),
        }))
    }
}

/// Writes that somebody who is not signed in was refused. They are nobody yet, so no more is known of them than where
/// they called from; `object` says whom or what they were after.
pub(in crate::api) fn record_refusal(
    tx: &mut SystemTx,
    tenant: TenantId,
    origin: &Origin,
    action: &auth::Info,
    (object, code): (String, &str),
) -> Result<(), fault::Error> {
    let entry = AuditEvent {
        id: EventId::mint(),
        time: tx.now(),
        actor: "anonymous".to_owned(),
        credential: None,
        action: action.name.to_owned(),
        object,
        outcome: AuditOutcome::Denied,
        ip: origin.address,
        request_id: origin.request,
        changes: json!({ "code": code }),
    };
    tx.record(tenant, &entry)
}
