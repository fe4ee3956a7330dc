use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::role;
use db::{Outcome, Removed, Status};
use web::{Change, Refusals};

use super::{OfRole, RoleView, refuse_built_in};
use crate::state::Identity;
use crate::store;

/// Deletes a role.
#[utoipa::path(
    operation_id = "delete_role",
    tag = "roles",
    description = "Deletes a role of the tenant's own to which nobody is bound; 409 while somebody is. Send the `ETag` last read \
                   as `If-Match`. Needs `role.delete` and a factor shown of late.",
    params(
        ("role" = String, Path, description = "Id or name", example = "machine-runner"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("If-Match" = String, Header, description = "The ETag last read"),
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = RoleView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/roles/{role}")]
pub async fn delete_role(ask: Change<role::Delete>, path: Path<OfRole>, identity: Data<Identity>) -> Outcome<RoleView> {
    refuse_built_in(&path.role)?;

    let mut tx = ask.begin(&identity.db).await?;
    let role = store::roles::lookup(&mut tx, &path.role).await?;
    let role = tx.grant(role.ok_or_else(|| fault::Error::not_found("role"))?)?;
    let role = store::roles::hold(&mut tx, role).await?;
    let gone = RoleView::from(&*role);
    tx.must_match(&gone)?;

    store::roles::remove(&mut tx, &role)
        .await
        .map_err(|error| match error {
            db::Error::Reference(_) => {
                fault::Error::conflict("Somebody is still bound to this role; remove its role bindings first.")
            }
            other => other.into(),
        })?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::UserId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_stays_while_somebody_is_bound_to_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        owner.post("/api/v1/roles", body).await.expect(201);
        let user = test.newcomer(&tenant, UserId::mint(), "ada@acme.example").await;
        let body = json!({"subject": {"kind": "user", "id": user}, "role": "on-call"});
        let bound = owner.post("/api/v1/role-bindings", body).await.expect(201);
        let refused = owner.delete_if("/api/v1/roles/on-call", "*").await.expect(409);
        assert_eq!(refused.code(), "conflict");
        owner.delete(bound.header("location")).await.expect(204);
        owner.delete("/api/v1/roles/on-call").await.expect(428);
        owner.delete_if("/api/v1/roles/on-call", "\"7\"").await.expect(412);
        owner.delete_if("/api/v1/roles/on-call", "*").await.expect(204);
        owner.get("/api/v1/roles/on-call").await.expect(404);
    }

    #[tokio::test]
    async fn built_in_roles_stay_and_others_are_not_there() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let made = me.post("/api/v1/roles", body).await.expect(201);
        me.delete_if("/api/v1/roles/viewer", "*").await.expect(409);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        them.delete_if(made.header("location"), "*").await.expect(404);
        let viewer = test.client.caller(&mine.caller(Role::Viewer));
        viewer.delete_if(made.header("location"), "*").await.expect(403);
    }
}
