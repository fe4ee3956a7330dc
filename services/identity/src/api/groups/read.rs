use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::group;
use web::{Found, Read, Refusals};

use super::{GroupView, InGroup};
use crate::state::Identity;
use crate::store;

/// Reads a group.
#[utoipa::path(
    operation_id = "read_group",
    tag = "groups",
    description = "A group of the tenant. Needs `group.read`.",
    params(("group" = String, Path, description = "Id or name", example = "developers")),
    responses((status = 200, description = "The group", body = GroupView), Refusals),
    security(("bearer" = [])),
)]
#[get("/groups/{group}")]
pub async fn read_group(
    ask: Read<group::Read>,
    path: Path<InGroup>,
    identity: Data<Identity>,
) -> Result<Found<GroupView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let group = store::groups::lookup(&mut tx, &path.group).await?;

    Ok(Found(GroupView::from(&*group)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::GroupId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_group_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        let made = them.post("/api/v1/groups", json!({"name": "theirs"})).await.expect(201);
        let me = test.client.caller(&mine.caller(Role::Auditor));
        let foreign = me.get(made.header("location")).await.expect(404);
        let absent = me.get(&format!("/api/v1/groups/{}", GroupId::mint())).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        me.get("/api/v1/groups/theirs").await.expect(404);
        let viewer = test.client.caller(&theirs.caller(Role::Viewer));
        viewer.get(made.header("location")).await.expect(403);
    }
}
