use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::action::project;
use db::{Changed, Outcome, Status};
use scope::Scope;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::create::both;
use super::{InProject, ProjectView};
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// What to change of a project; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyProject {
    /// The new name.
    #[schema(example = "store", max_length = 63)]
    pub name: Option<String>,
    /// The new description.
    #[schema(example = "Our web shop", max_length = 1000)]
    pub description: Option<String>,
}

/// Changes a project.
#[utoipa::path(
    operation_id = "modify_project",
    tag = "projects",
    description = "Changes name or description. Send the `ETag` last read as `If-Match`. Needs `project.modify`.",
    params(
        ("project" = String, Path, description = "Id or name", example = "default"),
        DryRun,
        IfMatch,
    ),
    request_body(content = ModifyProject, description = "What to change"),
    responses((status = 200, description = "The project as it is now", body = ProjectView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/projects/{project}")]
pub async fn modify_project(
    ask: Change<project::Modify, ModifyProject>,
    path: Path<InProject>,
    identity: Data<Identity>,
) -> Outcome<ProjectView> {
    let name = ask.body.name.as_deref().map(Name::check).transpose();
    let (name, description) = both(
        name,
        ask.body.description.as_deref().map(Description::check).transpose(),
    )?;

    let mut tx = ask.begin(&identity.db).await?;
    let project = tx.project(&path.project).await?;
    let project = store::projects::hold(&mut tx, project).await?;
    let before = ProjectView::from(&*project);
    tx.must_match(&before)?;

    let project = store::projects::set(&mut tx, &project, name.as_ref(), description.as_ref())
        .await
        .map_err(|error| error.taken("project"))?;

    tx.finish(Status::Ok, Changed(before, ProjectView::from(&project)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let path = format!("/api/v1/projects/{}", tenant.project);
        let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
        let changed = admin.patch(&path, &etag, json!({"name": "renamed"})).await.expect(200);
        assert_eq!(changed.json["name"], "renamed");
        admin.patch(&path, &etag, json!({"name": "again"})).await.expect(412);
        let unguarded = admin
            .request(reqwest::Method::PATCH, &path)
            .json(&json!({"name": "again"}));
        admin.send(unguarded).await.expect(428);
    }

    #[tokio::test]
    async fn of_many_who_read_one_state_one_changes_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let path = format!("/api/v1/projects/{}", tenant.project);
        let etag = admin.get(&path).await.expect(200).header("etag").to_owned();
        let changes = (0..12).map(|n| admin.patch(&path, &etag, json!({"description": format!("by {n}")})));
        let replies = futures::future::join_all(changes).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 11), "{replies:?}");
    }

    #[tokio::test]
    async fn t01_another_tenant_cannot_change_it() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        them.patch(
            &format!("/api/v1/projects/{}", mine.project),
            "*",
            json!({"name": "stolen"}),
        )
        .await
        .expect(404);
    }
}
