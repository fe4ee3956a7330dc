use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::user_session;
use web::{Page, Read, Refusals};

use super::{ActiveSession, ListSessions};
use crate::api::users::InUser;
use crate::session::Device;
use crate::state::Identity;
use crate::store;

/// Lists somebody's sessions.
#[utoipa::path(
    operation_id = "list_user_sessions",
    tag = "sessions",
    description = "Where somebody of the tenant is signed in, newest first, a page at a time. Needs `user_session.list`.",
    params(
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        ListSessions,
    ),
    responses((status = 200, description = "A page of sessions", body = Page<ActiveSession>), Refusals),
    security(("bearer" = [])),
)]
#[get("/users/{user}/sessions")]
pub async fn list_user_sessions(
    ask: Read<user_session::List, ListSessions>,
    path: Path<InUser>,
    identity: Data<Identity>,
) -> Result<Page<ActiveSession>, fault::Error> {
    let window = ask.query.window(ask.caller().tenant(), path.user)?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let user = store::users::lookup(&mut tx, path.user).await?;

    let rows = store::devices::list(&mut tx, &tenant, user.id, &window).await?;
    let key = |row: &Device| vec![row.session.to_string()];
    Ok(window.page(rows, key, |row| ActiveSession::of(&row, user.id, ask.caller())))
}
