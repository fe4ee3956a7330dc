use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::Principal;
use auth::action::user_session;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::EndedSessions;
use crate::api::users::InUser;
use crate::state::Identity;
use crate::store::{self, devices::Which};
use crate::user::must_cover;

/// Ends somebody's sessions.
#[utoipa::path(
    operation_id = "delete_user_sessions",
    tag = "sessions",
    description = "Signs somebody out everywhere, within five seconds. Nobody does so to somebody with more rights. Needs \
                   `user_session.delete`.",
    params(
        ("user" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Ended"),
        (status = 200, description = "Dry run: how many would end", body = EndedSessions),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/users/{user}/sessions")]
pub async fn delete_user_sessions(
    ask: Change<user_session::Delete>,
    path: Path<InUser>,
    identity: Data<Identity>,
) -> Outcome<EndedSessions> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let user = store::users::hold(&mut tx, path.user).await?;
    let carried = store::rights::bindings_of(&mut tx, &Principal::User(user.id)).await?;
    must_cover(ask.caller(), &carried)?;

    let user_id = user.id;
    let ended = store::devices::end(&mut tx, &tenant, user_id, Which::All).await?;

    tx.finish(Status::NoContent, Removed(EndedSessions { user_id, ended }))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::UserId;

    use crate::testing::{PASSWORD, start, turn_in};

    #[tokio::test]
    async fn t18_whoever_carries_no_less_lists_and_ends_them() {
        let test = start().await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.person(&acme, "admin", Role::Admin).await;
        let auditor = test.person(&acme, "auditor", Role::Auditor).await;
        let ada = test.person(&acme, "ada", Role::Viewer).await;
        let boss = test.person(&acme, "boss", Role::Owner).await;
        let stranger = test.person(&other, "stranger", Role::Owner).await;
        let tokens = test.sign_in(&ada.email, PASSWORD).await.expect(200).json;
        let of = |path: &str| format!("{path}/sessions");
        for reader in [&admin, &auditor] {
            let listed = reader.client.get(&of(&ada.path)).await.expect(200).json;
            assert_eq!(listed["items"].as_array().unwrap().len(), 1);
            assert_eq!(listed["items"][0]["current"], false);
        }
        for outsider in [&stranger.client, &test.client.caller(&other.caller(Role::Admin))] {
            outsider.get(&of(&ada.path)).await.expect(404);
            outsider.delete(&of(&ada.path)).await.expect(404);
        }
        ada.client.get(&of(&boss.path)).await.expect(403);
        auditor.client.delete(&of(&ada.path)).await.expect(403);
        admin.client.delete(&of(&boss.path)).await.expect(403);
        let nobody = of(&format!("/api/v1/users/{}", UserId::mint()));
        admin.client.get(&nobody).await.expect(404);
        admin.client.delete(&nobody).await.expect(404);
        assert!(test.enter(&tokens).await.is_some());
        admin.client.delete(&of(&ada.path)).await.expect(204);
        assert!(test.enter(&tokens).await.is_none());
        turn_in(&test.client, &tokens).await.expect(401);
    }
}
