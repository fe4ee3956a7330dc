use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::project;
use db::{Outcome, Removed, Status};
use scope::Scope;
use web::{Change, Refusals};

use super::{InProject, ProjectView};
use crate::service::Identity;
use crate::store;

/// Deletes a project.
#[utoipa::path(
    operation_id = "delete_project",
    tag = "projects",
    description = "Deletes an empty project. Needs `project.delete`.",
    params(
        ("project" = String, Path, description = "Id or name", example = "shop"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
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

    store::projects::remove(&mut tx, &project).await?;

    tx.finish(Status::NoContent, Removed(ProjectView::from(&*project)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_gone_and_the_log_knows() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        admin.delete("/api/v1/projects/default").await.expect(204);
        admin.get("/api/v1/projects/default").await.expect(404);
        assert_eq!(
            test.audit(&tenant).await[0],
            ("project.delete".to_owned(), "success".to_owned())
        );
    }

    #[tokio::test]
    async fn a_viewer_is_told_what_is_missing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.delete("/api/v1/projects/default").await.expect(403);
        viewer.delete("/api/v1/projects/none").await.expect(403);
    }
}
