use actix_web::get;
use actix_web::web::{Data, Path};
use auth::action::project;
use scope::Scope;
use web::{Found, Read, Refusals};

use super::{InProject, ProjectView};
use crate::state::Identity;

/// Reads a project.
#[utoipa::path(
    operation_id = "read_project",
    tag = "projects",
    description = "One project, by id or name. Needs `project.read` there.",
    params(("project" = String, Path, description = "Id or name", example = "default")),
    responses((status = 200, description = "The project", body = ProjectView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/projects/{project}")]
pub async fn read_project(
    ask: Read<project::Read>,
    path: Path<InProject>,
    identity: Data<Identity>,
) -> Result<Found<ProjectView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let project = tx.project(&path.project).await?;

    Ok(Found(ProjectView::from(&*project)))
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::ProjectId;

    use crate::testing::start;

    #[tokio::test]
    async fn t01_anothers_project_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        let foreign = me
            .get(&format!("/api/v1/projects/{}", theirs.project))
            .await
            .expect(404);
        let absent = me
            .get(&format!("/api/v1/projects/{}", ProjectId::mint()))
            .await
            .expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
        me.get(&format!("/api/v1/projects/{}", mine.project)).await.expect(200);
    }

    #[tokio::test]
    async fn a_role_elsewhere_in_the_tenant_does_not_reveal_the_project() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let elsewhere = vec![Binding::role(Role::Viewer, Some(ProjectId::mint()))];
        let stranger = test.client.caller(&tenant.caller_with(elsewhere));
        stranger.get("/api/v1/projects/default").await.expect(404);
    }

    #[tokio::test]
    async fn what_the_client_has_already_is_not_sent_again() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let first = viewer.get("/api/v1/projects/default").await.expect(200);
        let again = viewer.request(reqwest::Method::GET, "/api/v1/projects/default");
        viewer
            .send(again.header("if-none-match", first.header("etag")))
            .await
            .expect(304);
    }

    #[tokio::test]
    async fn t09_nobody_gets_in_without_the_gateways_passport() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let url = format!("{}/api/v1/projects/{}", test.client.base(), tenant.project);
        #[expect(clippy::disallowed_methods, reason = "the request that skips the gateway")]
        let bare = reqwest::Client::new()
            .get(&url)
            .header("x-tenant-id", tenant.id.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(bare.status(), 401);
        test.client.get("/api/v1/projects/default").await.expect(401);
    }
}
