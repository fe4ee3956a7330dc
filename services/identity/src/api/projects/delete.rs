use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::project;
use db::{Outcome, Removed, Status};
use scope::Scope;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{InProject, ProjectView};
use crate::state::Identity;
use crate::store;

/// Deletes a project.
#[utoipa::path(
    operation_id = "delete_project",
    tag = "projects",
    description = "Deletes an empty project. Send the `ETag` last read as `If-Match`. Needs `project.delete`.",
    params(
        ("project" = String, Path, description = "Id or name", example = "shop"),
        DryRun,
        IfMatch,
    ),
    responses(
        (status = 204, description = "Deleted"),
        (status = 200, description = "Dry run: what would be deleted", body = ProjectView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/projects/{project}")]
pub async fn delete_project(
    ask: Change<project::Delete>,
    path: Path<InProject>,
    identity: Data<Identity>,
) -> Outcome<ProjectView> {
    let mut tx = ask.begin(&identity.db).await?;
    let project = tx.project(&path.project).await?;
    let project = store::projects::hold(&mut tx, project).await?;
    let gone = ProjectView::from(&*project);
    tx.must_match(&gone)?;

    store::projects::remove(&mut tx, &project).await?;

    tx.finish(Status::NoContent, Removed(gone)).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_gone_and_the_log_knows() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        admin.delete_if("/api/v1/projects/default", "*").await.expect(204);
        admin.get("/api/v1/projects/default").await.expect(404);
        assert_eq!(
            test.audit(&tenant).await[0],
            ("project.delete".to_owned(), "success".to_owned())
        );
    }

    #[tokio::test]
    async fn only_who_read_the_present_state_may_delete_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let path = format!("/api/v1/projects/{}", tenant.project);
        let read = admin.get(&path).await.expect(200).header("etag").to_owned();
        let changed = admin.patch(&path, &read, json!({"name": "renamed"})).await.expect(200);
        admin.delete(&path).await.expect(428);
        admin.delete_if(&path, &read).await.expect(412);
        let dry = format!("{path}?dry_run=true");
        admin.delete_if(&dry, &read).await.expect(412);
        admin.delete_if(&dry, changed.header("etag")).await.expect(200);
        admin.delete_if(&path, changed.header("etag")).await.expect(204);
        admin.delete_if(&path, changed.header("etag")).await.expect(404);
    }

    #[tokio::test]
    async fn a_viewer_is_told_what_is_missing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.delete_if("/api/v1/projects/default", "*").await.expect(403);
        viewer.delete_if("/api/v1/projects/none", "*").await.expect(403);
    }
}
