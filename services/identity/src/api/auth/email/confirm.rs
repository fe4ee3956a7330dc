use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::ExposeSecret;
use web::{Open, Refusals};

use super::{EmailDone, EmailStatus, EmailToken, has_keys, record, taken, void};
use crate::once;
use crate::state::Identity;
use crate::store::email_changes;

/// Confirms a new e-mail address with the token of the letter that went there.
#[utoipa::path(
    operation_id = "confirm_email",
    tag = "auth",
    description = "Good once. From now on one signs in with the new address; sessions stay, letters for a new password that \
                   went to the old one are void. 409 if somebody else of the tenant has the address by now.",
    request_body(content = EmailToken, description = "The token"),
    responses((status = 200, description = "Changed", body = EmailDone), Refusals),
    security(()),
)]
#[post("/auth/email/confirm")]
pub async fn confirm_email(ask: Open<EmailToken>, identity: Data<Identity>) -> Result<Json<EmailDone>, fault::Error> {
    let token = once::digest(ask.body.token.expose_secret());

    has_keys(&identity, token).await?;
    let mut tx = identity.begin_sign_in().await?;
    let lookup = identity.lookup.held()?;
    let shown = email_changes::confirm(&mut tx, token).await?.ok_or_else(void)?;
    let whose = (shown.tenant, shown.user);
    let keys = tx.keys(shown.tenant)?;
    let (old, new) = (shown.old_email(&keys)?, shown.new_email(&keys)?);
    let set = email_changes::set_email(&mut tx, whose, Some(&old), &new, lookup).await;
    if !set.map_err(taken)? {
        return Err(void());
    }
    record(&mut tx, &shown, &ask.origin, "confirmed")?;
    tx.commit().await?;

    Ok(Json(EmailDone {
        status: EmailStatus::Changed,
    }))
}
