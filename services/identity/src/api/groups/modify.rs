use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::group;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{GroupView, InGroup};
use crate::api::projects::create::both;
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// What to change of a group; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyGroup {
    /// The new name.
    #[schema(example = "builders", max_length = 63)]
    pub name: Option<String>,
    /// The new description.
    #[schema(example = "Those who build anything", max_length = 1000)]
    pub description: Option<String>,
}

/// Changes a group.
#[utoipa::path(
    operation_id = "modify_group",
    tag = "groups",
    description = "Changes name or description. Send the `ETag` last read as `If-Match`. Needs `group.modify`.",
    params(("group" = String, Path, description = "Id or name", example = "developers"), DryRun, IfMatch),
    request_body(content = ModifyGroup, description = "What to change"),
    responses((status = 200, description = "The group as it is now", body = GroupView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/groups/{group}")]
pub async fn modify_group(
    ask: Change<group::Modify, ModifyGroup>,
    path: Path<InGroup>,
    identity: Data<Identity>,
) -> Outcome<GroupView> {
    let (name, description) = both(
        ask.body.name.as_deref().map(Name::check).transpose(),
        ask.body.description.as_deref().map(Description::check).transpose(),
    )?;

    let mut tx = ask.begin(&identity.db).await?;
    let group = store::groups::hold(&mut tx, &path.group).await?;
    let before = GroupView::from(&*group);
    tx.must_match(&before)?;

    let group = store::groups::set(&mut tx, &group, name.as_ref(), description.as_ref())
        .await
        .map_err(|error| error.taken("group"))?;

    tx.finish(Status::Ok, Changed(before, GroupView::from(&group))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn of_many_who_read_one_state_one_changes_it() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        for name in ["developers", "taken"] {
            admin.post("/api/v1/groups", json!({"name": name})).await.expect(201);
        }
        let path = "/api/v1/groups/developers";
        let changes = (0..12).map(|n| admin.patch(path, "\"1\"", json!({"description": format!("by {n}")})));
        let replies = futures::future::join_all(changes).await;
        let count = |status: u16| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 11), "{replies:?}");
        admin.patch(path, "*", json!({"name": "taken"})).await.expect(409);
        admin.patch(path, "*", json!({"name": "Not"})).await.expect(400);
        let them = test.client.caller(&other.caller(Role::Owner));
        them.patch(path, "*", json!({"name": "stolen"})).await.expect(404);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.patch(path, "*", json!({"name": "stolen"})).await.expect(403);
        let renamed = admin.patch(path, "*", json!({"name": "builders"})).await.expect(200);
        assert_eq!(renamed.json["generation"], 3);
    }
}
