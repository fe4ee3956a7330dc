use actix_web::post;
use actix_web::web::Data;
use auth::action::session;
use db::{Outcome, Removed, Status, Subject};
use ids::SessionId;
use serde::Serialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use crate::service::Identity;
use crate::store;

/// A session.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
}

impl Subject for SessionView {
    fn object(&self) -> String {
        format!("session:{}", self.id)
    }
}

/// Signs out: ends the session the access token belongs to.
#[utoipa::path(
    operation_id = "sign_out",
    tag = "auth",
    description = "Its refresh token is dead at once, its access tokens within five seconds.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats within a day get the first answer"),
    ),
    responses(
        (status = 204, description = "Signed out"),
        (status = 200, description = "Dry run: the session that would end", body = SessionView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[post("/auth/logout")]
pub async fn sign_out(ask: Change<session::Delete>, identity: Data<Identity>) -> Outcome<SessionView> {
    let id = ask.caller().session().ok_or_else(|| fault::Error::not_found("session"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    store::sessions::end(&mut tx, &tenant, id).await?;

    tx.finish(Status::NoContent, Removed(SessionView { id })).await
}
