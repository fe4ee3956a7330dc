use actix_web::post;
use actix_web::web::Data;
use auth::action::project;
use db::{Created, Outcome, Status};
use fault::FieldError;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::ProjectView;
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// A project to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProject {
    /// A DNS label, unique in the tenant.
    #[schema(
        example = "shop",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is for, 1,000 characters at most.
    #[serde(default)]
    #[schema(example = "The web shop", max_length = 1000)]
    pub description: String,
}

impl CreateProject {
    fn check(&self) -> Result<(Name, Description), fault::Error> {
        both(Name::check(&self.name), Description::check(&self.description))
    }
}

/// Both values, or every complaint at once.
pub fn both<A, B>(a: Result<A, FieldError>, b: Result<B, FieldError>) -> Result<(A, B), fault::Error> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err(fault::Error::invalid_fields(
            a.err().into_iter().chain(b.err()).collect(),
        )),
    }
}

/// Creates a project.
#[utoipa::path(
    operation_id = "create_project",
    tag = "projects",
    description = "Makes a project in the caller's tenant. Needs `project.create`.",
    params(DryRun, Once),
    request_body(content = CreateProject, description = "The project to be"),
    responses((status = 201, description = "Created", body = ProjectView), Refusals),
    security(("bearer" = [])),
)]
#[post("/projects")]
pub async fn create_project(
    ask: Change<project::Create, CreateProject>,
    identity: Data<Identity>,
) -> Outcome<ProjectView> {
    let (name, description) = ask.body.check()?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let project = store::projects::insert(&mut tx, &tenant, &name, &description)
        .await
        .map_err(|error| error.taken("project"))?;

    tx.finish(Status::Created, Created(ProjectView::from(&project))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn an_owner_creates_a_project_and_reads_it_back() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));

        let made = owner
            .post("/api/v1/projects", json!({"name": "shop"}))
            .await
            .expect(201);
        assert_eq!(made.json["name"], "shop");
        let read = owner.get(made.header("location")).await.expect(200);
        assert_eq!(read.json, made.json);
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));

        let refused = owner
            .post(
                "/api/v1/projects",
                json!({"name": "No", "description": "x".repeat(1001)}),
            )
            .await;
        let refused = refused.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/name");
        assert_eq!(refused.json["errors"][1]["pointer"], "/description");
        let unknown = owner
            .post("/api/v1/projects", json!({"name": "a", "tenant_id": tenant.id}))
            .await
            .expect(400);
        assert_eq!(unknown.code(), "invalid", "t08: {}", unknown.text);
    }

    #[tokio::test]
    async fn names_are_unique_per_tenant_and_say_nothing_of_other_tenants() {
        let test = start().await;
        let (one, other) = (test.bench.tenant("one").await, test.bench.tenant("other").await);
        let body = json!({"name": "shop"});
        let first = test.client.caller(&one.caller(Role::Owner));
        first.post("/api/v1/projects", body.clone()).await.expect(201);
        assert_eq!(
            first.post("/api/v1/projects", body.clone()).await.expect(409).code(),
            "already_exists"
        );
        test.client
            .caller(&other.caller(Role::Owner))
            .post("/api/v1/projects", body)
            .await
            .expect(201);
    }

    #[tokio::test]
    async fn a_viewer_may_not_and_the_log_says_so() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let refused = viewer
            .post("/api/v1/projects", json!({"name": "shop"}))
            .await
            .expect(403);
        assert!(refused.text.contains("project.create"), "{}", refused.text);
        assert_eq!(
            test.audit(&tenant).await,
            [("project.create".to_owned(), "denied".to_owned())]
        );
    }

    #[tokio::test]
    async fn a_dry_run_answers_and_changes_nothing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let would = owner
            .post("/api/v1/projects?dry_run=true", json!({"name": "shop"}))
            .await
            .expect(200);
        assert_eq!((would.header("dry-run"), &would.json["name"]), ("true", &json!("shop")));
        owner.get("/api/v1/projects/shop").await.expect(404);
        assert_eq!(test.audit(&tenant).await.len(), 1, "only the refusal of the read");
    }

    #[tokio::test]
    async fn t30_twelve_equal_keys_at_once_make_one_project() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "shop"});
        let asks = (0..12).map(|_| owner.post_once("/api/v1/projects", "key-1", body.clone()));
        let replies = futures::future::join_all(asks).await;
        assert!(
            replies
                .iter()
                .all(|reply| reply.status == 201 && reply.json == replies[0].json),
            "{replies:?}"
        );
        let replayed = replies
            .iter()
            .filter(|reply| reply.header("idempotent-replayed") == "true")
            .count();
        assert_eq!(replayed, 11);
        let other = owner
            .post_once("/api/v1/projects", "key-1", json!({"name": "other"}))
            .await;
        assert_eq!(other.expect(422).code(), "idempotency_key_reused");
    }
}
