use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::session;
use auth::{Action, Caller};
use db::{AuditEvent, AuditOutcome, Reason};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::{SignedIn, record_refusal};
use crate::refresh::{Family, RefreshToken};
use crate::service::Identity;
use crate::session::Turn;
use crate::store;
use crate::store::sessions::Why;

/// A refresh token to turn in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The refresh token that came with the last sign-in or renewal.
    #[schema(value_type = String, example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis", max_length = 512)]
    pub refresh_token: SecretString,
}

fn ended() -> fault::Error {
    fault::Error::unauthenticated("The refresh token is not good, or no longer; sign in again.")
}

/// Turns a refresh token in for the next pair of tokens.
#[utoipa::path(
    operation_id = "refresh_session",
    tag = "auth",
    description = "Each refresh token is good once. When the answer is lost, the same client may ask again within ten seconds \
                   and gets the same successor; at any other time a second use shows that somebody has a copy, and the \
                   session ends.",
    request_body(content = Refresh, description = "The refresh token"),
    responses((status = 200, description = "The next pair of tokens", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/refresh")]
pub async fn refresh_session(ask: Open<Refresh>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let token = RefreshToken::parse(ask.body.refresh_token.expose_secret()).map_err(|_| ended())?;
    let from = ask.origin.address;

    let mut tx = identity.db.system(Reason::SignIn).await?;
    let session = store::sessions::claim(&mut tx, token.tenant, token.session).await?.ok_or_else(ended)?;
    let family = Family::open(&identity.kek, &session).map_err(fault::Error::internal)?;
    if !family.made(&token) {
        return Err(ended());
    }

    let next = family.next(&token);
    let object = format!("session:{}", session.id);
    match session.turn_in(&token.hash(), from, tx.now()) {
        Turn::Again => {}
        Turn::Over => return Err(ended()),
        Turn::Rotate => {
            let expires_at = identity.lifetimes.expires(tx.now(), session.ends_at);
            store::sessions::rotate(&mut tx, &session, &next.hash(), from, expires_at).await?;
            let caller = Caller::newcomer(session.tenant, session.user, Vec::new(), from, ask.origin.request);
            let (action, success) = (session::Refresh::INFO.name, AuditOutcome::Success);
            tx.record(session.tenant, &AuditEvent::of(&caller, tx.now(), action, object, success, json!({})))?;
        }
        Turn::Reuse => {
            tracing::warn!(session = %session.id, tenant = %session.tenant, "a refresh token was used twice");
            store::sessions::revoke(&mut tx, session.tenant, session.id, Why::Reuse).await?;
            let what = (object, "refresh_token_reused");
            record_refusal(&mut tx, session.tenant, &ask.origin, session::Refresh::INFO, what)?;
            tx.commit().await?;
            return Err(ended());
        }
    }
    tx.commit().await?;

    identity.hand_out(&session, &next).await
}
