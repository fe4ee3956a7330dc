use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::group;
use db::{Outcome, Removed, Status};
use web::{Change, DryRun, IfMatch, Refusals};

use super::{GroupView, InGroup};
use crate::state::Identity;
use crate::store;
use crate::user::must_cover;

/// Deletes a group.
#[utoipa::path(
    operation_id = "delete_group",
    tag = "groups",
    description = "Deletes a group. Its members stay and lose the roles that were bound to it; who deletes it must carry all \
                   their rights, and the last owner or security administrator stays. Send the `ETag` last read as `If-Match`. Needs `group.delete` and a \
                   factor shown of late.",
    params(("group" = String, Path, description = "Id or name", example = "developers"), DryRun, IfMatch),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = GroupView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/groups/{group}")]
pub async fn delete_group(
    ask: Change<group::Delete>,
    path: Path<InGroup>,
    identity: Data<Identity>,
) -> Outcome<GroupView> {
    let mut tx = ask.begin(&identity.db).await?;
    let owners = store::owners::hold(&mut tx).await?;
    let group = store::groups::hold(&mut tx, &path.group).await?;
    let carried = store::rights::bindings_of_group(&mut tx, group.id).await?;
    must_cover(ask.caller(), &carried)?;
    let gone = GroupView::from(&*group);
    tx.must_match(&gone)?;

    store::groups::remove(&mut tx, &group).await?;
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::json;

    use crate::testing::start;

    const CHIEFS: &str = "/api/v1/groups/chiefs";

    #[tokio::test]
    async fn t18_only_who_carries_its_rights_deletes_it_and_an_owner_stays() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        let admin = test.person(&tenant, "admin", Role::Admin).await;
        let ada = test.person(&tenant, "ada", Role::Viewer).await;
        test.join(&tenant, ada.id, "chiefs", &Binding::role(Role::Owner, None))
            .await;
        let refused = admin.client.delete_if(CHIEFS, "*").await.expect(403);
        assert!(refused.text.contains("owner"), "{}", refused.text);
        let stale = test.stale(&tenant, &owner).delete_if(CHIEFS, "*").await.expect(403);
        assert_eq!(stale.code(), "step_up_required");
        // Ada owns by the group alone; once the other owner is gone, the group holds the last one.
        test.rebind(&tenant, owner.id, Role::Viewer).await;
        assert_eq!(owner.client.delete_if(CHIEFS, "*").await.expect(409).code(), "conflict");
        test.rebind(&tenant, owner.id, Role::Owner).await;
        owner.client.delete(CHIEFS).await.expect(428);
        owner.client.delete_if(CHIEFS, "\"7\"").await.expect(412);
        owner
            .client
            .delete_if(&format!("{CHIEFS}?dry_run=true"), "*")
            .await
            .expect(200);
        owner.client.delete_if(CHIEFS, "\"1\"").await.expect(204);
        owner.client.delete_if(CHIEFS, "*").await.expect(404);
        let read = owner.client.get(&ada.path).await.expect(200);
        assert_eq!(read.json["roles"], json!(["viewer"]), "she stays and owns no more");
    }

    #[tokio::test]
    async fn t01_another_tenants_group_stays() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        let made = them.post("/api/v1/groups", json!({"name": "chiefs"})).await.expect(201);
        let me = test.client.caller(&mine.caller(Role::Owner));
        me.delete_if(made.header("location"), "*").await.expect(404);
        me.delete_if(CHIEFS, "*").await.expect(404);
        them.get(CHIEFS).await.expect(200);
    }
}
