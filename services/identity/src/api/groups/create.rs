use actix_web::post;
use actix_web::web::Data;
use auth::action::group;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::GroupView;
use crate::api::projects::create::both;
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// A group to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateGroup {
    /// A DNS label, unique in the tenant.
    #[schema(
        example = "developers",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is for, 1,000 characters at most.
    #[serde(default)]
    #[schema(example = "Those who build the web shop", max_length = 1000)]
    pub description: String,
}

/// Creates a group.
#[utoipa::path(
    operation_id = "create_group",
    tag = "groups",
    description = "Makes a group without members or roles. Needs `group.create`.",
    params(DryRun, Once),
    request_body(content = CreateGroup, description = "The group to be"),
    responses((status = 201, description = "Created", body = GroupView), Refusals),
    security(("bearer" = [])),
)]
#[post("/groups")]
pub async fn create_group(ask: Change<group::Create, CreateGroup>, identity: Data<Identity>) -> Outcome<GroupView> {
    let (name, description) = both(Name::check(&ask.body.name), Description::check(&ask.body.description))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let group = store::groups::insert(&mut tx, &tenant, &name, &description)
        .await
        .map_err(|error| error.taken("group"))?;

    tx.finish(Status::Created, Created(GroupView::from(&group))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/groups";

    #[tokio::test]
    async fn a_group_is_made_once_and_read_back() {
        let test = start().await;
        let (tenant, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let body = json!({"name": "developers", "description": "All who build"});
        let made = admin.post_once(PATH, "key", body.clone()).await.expect(201);
        assert_eq!(
            admin.post_once(PATH, "key", body.clone()).await.expect(201).json,
            made.json
        );
        let read = admin.get(made.header("location")).await.expect(200);
        assert_eq!((&read.json, read.header("etag")), (&made.json, "\"1\""));
        assert_eq!(
            admin.get(&format!("{PATH}/developers")).await.expect(200).json,
            made.json
        );
        assert_eq!(
            admin.post(PATH, body.clone()).await.expect(409).code(),
            "already_exists"
        );
        let them = test.client.caller(&other.caller(Role::Owner));
        them.post(PATH, body).await.expect(201);
        them.get(made.header("location")).await.expect(404);
        assert_eq!(
            test.audit(&tenant).await[0],
            ("group.create".to_owned(), "success".to_owned())
        );
    }

    #[tokio::test]
    async fn names_are_as_projects_are_and_a_viewer_makes_none() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        for bad in [json!({"name": "No"}), json!({}), json!({"name": "a", "members": []})] {
            admin.post(PATH, bad).await.expect(400);
        }
        admin
            .post(&format!("{PATH}?dry_run=true"), json!({"name": "a"}))
            .await
            .expect(200);
        admin.get(&format!("{PATH}/a")).await.expect(404);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.post(PATH, json!({"name": "a"})).await.expect(403);
    }
}
