use actix_web::post;
use actix_web::web::{Data, Json};
use web::{Open, Refusals};

use super::super::sent::{SendCode, send};
use crate::api::codes::SentCode;
use crate::factor::Kind;
use crate::state::Identity;

/// Has a code sent by SMS.
#[utoipa::path(
    operation_id = "send_sign_in_sms",
    tag = "auth",
    description = "For somebody whose challenge waits and who has a telephone as a factor. Nothing is sent before it is asked for: \
                   three codes at most for one sign-in, and a few for one person in a day. The last one alone is good, for ten \
                   minutes, and the challenge waits as long.",
    request_body(content = SendCode, description = "The challenge"),
    responses((status = 200, description = "The code is on its way", body = SentCode), Refusals),
    security(()),
)]
#[post("/auth/mfa/sms:send")]
pub async fn send_sign_in_sms(ask: Open<SendCode>, identity: Data<Identity>) -> Result<Json<SentCode>, fault::Error> {
    let sent = send(&identity, &ask.origin, &ask.body.challenge, Kind::Sms).await?;

    Ok(Json(sent))
}
