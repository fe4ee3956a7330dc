use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::session;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{ActiveSession, InSession, oneself};
use crate::state::Identity;
use crate::store::{self, devices::Which};

/// Ends one of the caller's sessions.
#[utoipa::path(
    operation_id = "delete_my_session",
    tag = "sessions",
    description = "Its refresh token is dead at once, its access tokens within five seconds.",
    params(
        ("session" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 200, description = "Dry run: the session that would end", body = ActiveSession),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/me/sessions/{session}")]
pub async fn delete_my_session(
    ask: Change<session::Delete>,
    path: Path<InSession>,
    identity: Data<Identity>,
) -> Outcome<ActiveSession> {
    let user = oneself(ask.caller())?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let device = store::devices::lookup(&mut tx, &tenant, user, path.session).await?;
    let gone = ActiveSession::of(&device, user, ask.caller());

    store::devices::end(&mut tx, &tenant, user, Which::One(device.session)).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use ids::SessionId;

    use crate::testing::{PASSWORD, start, turn_in};

    #[tokio::test]
    async fn t17_it_is_over_and_only_its_person_can_end_it() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let stranger = test.enter_new("other").await;
        let lost = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let me = test.enter(&tokens).await.unwrap();
        let path = format!("/api/v1/me/sessions/{}", test.check(&lost).await.sid);
        let foreign = stranger.delete(&path).await.expect(404);
        let absent = stranger
            .delete(&format!("/api/v1/me/sessions/{}", SessionId::mint()))
            .await;
        assert_eq!(foreign.without_request(), absent.expect(404).without_request(), "t01");
        me.delete(&format!("{path}?dry_run=true")).await.expect(200);
        assert!(test.enter(&lost).await.is_some());
        me.delete(&path).await.expect(204);
        assert!(test.enter(&lost).await.is_none());
        turn_in(&test.client, &lost).await.expect(401);
        me.delete(&path).await.expect(404);
        turn_in(&test.client, &tokens).await.expect(200);
        assert!(test.dump("identity.sessions").await.contains(",revoked"));
    }
}
