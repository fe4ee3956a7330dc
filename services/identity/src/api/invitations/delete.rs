use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::invitation;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, Refusals};

use super::{InInvitation, InvitationView};
use crate::invitation::Status as Stage;
use crate::state::Identity;
use crate::store;

/// Takes an invitation back.
#[utoipa::path(
    operation_id = "delete_invitation",
    tag = "invitations",
    description = "Ends an invitation that is still open: its token opens nothing any more. 409 when it is over. Needs \
                   `invitation.delete`.",
    params(
        ("invitation" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
    ),
    responses(
        (status = 204, description = "Taken back"),
        (status = 200, description = "Dry run: what would be taken back", body = InvitationView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/invitations/{invitation}")]
pub async fn delete_invitation(
    ask: Change<invitation::Delete>,
    path: Path<InInvitation>,
    identity: Data<Identity>,
) -> Outcome<InvitationView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = store::invitations::hold(&mut tx, path.invitation).await?;
    let held = tx.grant(held.ok_or_else(|| fault::Error::not_found("invitation"))?)?;

    if held.status(tx.now()) != Stage::Open {
        return Err(fault::Error::conflict("The invitation is over: accepted, taken back or too old.").into());
    }
    store::invitations::set_revoked(&mut tx, &held).await?;

    let gone = InvitationView::at(&held, tx.now());
    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn a_token_that_was_taken_back_opens_nothing() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let viewer = test.person(&tenant, "viewer", Role::Viewer).await;
        let them = test.person(&other, "them", Role::Owner).await;
        let (token, path) = test.invite(&admin, "grace@example.com", "viewer").await;
        viewer.client.delete(&path).await.expect(403);
        them.client.delete(&path).await.expect(404);
        admin.client.delete(&format!("{path}?dry_run=true")).await.expect(200);
        admin.client.delete(&path).await.expect(204);
        admin.client.delete(&path).await.expect(409);
        test.accept(&token).await.expect(401);
    }

    #[tokio::test]
    async fn who_came_of_it_stays() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let (token, path) = test.invite(&admin, "grace@example.com", "viewer").await;
        test.accept(&token).await.expect(201);
        admin.client.delete(&path).await.expect(409);
        admin.client.delete("/api/v1/invitations/none").await.expect(404);
    }
}
