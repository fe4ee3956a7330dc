use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::factor;
use db::Outcome;
use web::{Change, Refusals};

use super::{ConfirmSent, ConfirmedSent, confirm};
use crate::api::factors::OneFactor;
use crate::factor::Kind;
use crate::state::Identity;

/// Confirms a telephone with the code that was sent to it.
#[utoipa::path(
    operation_id = "confirm_sms_factor",
    tag = "auth",
    description = "From now on whoever has nothing stronger is asked for a code sent to it when they sign in. A code takes five \
                   tries. With a first factor come ten recovery codes, shown this once.",
    params(
        ("factor" = String, Path, description = "Id"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the codes shown then are nobody's"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: secrets are not shown twice"),
    ),
    request_body(content = ConfirmSent, description = "The code"),
    responses((status = 200, description = "Confirmed", body = ConfirmedSent), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/sms/{factor:[^:/]+}:confirm")]
pub async fn confirm_sms_factor(
    ask: Change<factor::Modify, ConfirmSent>,
    path: Path<OneFactor>,
    identity: Data<Identity>,
) -> Outcome<ConfirmedSent> {
    confirm(&ask, &identity, (path.factor, Kind::Sms)).await
}
