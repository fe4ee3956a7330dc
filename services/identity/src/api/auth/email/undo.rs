use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::ExposeSecret;
use web::{Open, Refusals};

use super::{EmailDone, EmailStatus, EmailToken, has_keys, record, taken, void};
use crate::once;
use crate::state::Identity;
use crate::store::sessions::Why;
use crate::store::{self, email_changes};

/// Undoes a change of an e-mail address with the token of the notice that went to the old one.
#[utoipa::path(
    operation_id = "undo_email",
    tag = "auth",
    description = "Good once, before the change is confirmed and for 72 hours after. The old address counts, every other \
                   change under way is void, and every session of the person ends: whoever asked for this was signed in.",
    request_body(content = EmailToken, description = "The token"),
    responses((status = 200, description = "Undone", body = EmailDone), Refusals),
    security(()),
)]
#[post("/auth/email/undo")]
pub async fn undo_email(ask: Open<EmailToken>, identity: Data<Identity>) -> Result<Json<EmailDone>, fault::Error> {
    let token = once::digest(ask.body.token.expose_secret());

    has_keys(&identity, token).await?;
    let mut tx = identity.begin_sign_in().await?;
    let lookup = identity.lookup.held()?;
    let shown = email_changes::undo(&mut tx, token).await?.ok_or_else(void)?;
    if shown.confirmed_at.is_some() {
        let whose = (shown.tenant, shown.user);
        let old = shown.old_email(&tx.keys(shown.tenant)?)?;
        let set = email_changes::set_email(&mut tx, whose, None, &old, lookup).await;
        set.map_err(taken)?;
    }
    store::sessions::revoke_all(&mut tx, shown.tenant, shown.user, Why::Undone).await?;
    record(&mut tx, &shown, &ask.origin, "undone")?;
    tx.commit().await?;

    Ok(Json(EmailDone {
        status: EmailStatus::Kept,
    }))
}
