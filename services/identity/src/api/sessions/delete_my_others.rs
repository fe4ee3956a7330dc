use actix_web::delete;
use actix_web::web::Data;
use auth::action::session;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{EndedSessions, oneself};
use crate::state::Identity;
use crate::store::{self, devices::Which};

/// Ends the caller's sessions but the present one.
#[utoipa::path(
    operation_id = "delete_my_sessions",
    tag = "sessions",
    description = "Signs the caller out everywhere else, within five seconds.",
    params(DryRun),
    responses(
        (status = 204, description = "Ended"),
        (status = 200, description = "Dry run: how many would end", body = EndedSessions),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/me/sessions")]
pub async fn delete_my_sessions(ask: Change<session::Delete>, identity: Data<Identity>) -> Outcome<EndedSessions> {
    let user_id = oneself(ask.caller())?;
    let which = ask.caller().session().map_or(Which::All, Which::AllBut);

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let ended = store::devices::end(&mut tx, &tenant, user_id, which).await?;

    tx.finish(Status::NoContent, Removed(EndedSessions { user_id, ended }))
        .await
}

#[cfg(test)]
mod tests {
    use crate::testing::{PASSWORD, start, turn_in};

    #[tokio::test]
    async fn t17_all_others_are_over_and_nobody_elses() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("other").await);
        let bystander = test.sign_in(&other.email, PASSWORD).await.expect(200).json;
        let mut tokens = Vec::new();
        for _ in 0..3 {
            tokens.push(test.sign_in(&owner.email, PASSWORD).await.expect(200).json);
        }
        let me = test.enter(&tokens[1]).await.unwrap();
        let would = me.delete("/api/v1/me/sessions?dry_run=true").await.expect(200);
        assert_eq!(would.json["ended"], 2);
        me.delete("/api/v1/me/sessions").await.expect(204);
        turn_in(&test.client, &tokens[0]).await.expect(401);
        turn_in(&test.client, &tokens[2]).await.expect(401);
        turn_in(&test.client, &tokens[1]).await.expect(200);
        turn_in(&test.client, &bystander).await.expect(200);
        test.client.delete("/api/v1/me/sessions").await.expect(401);
    }
}
