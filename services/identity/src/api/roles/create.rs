use actix_web::post;
use actix_web::web::Data;
use auth::Permissions;
use auth::action::role;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::RoleView;
use crate::project::{Description, Name};
use crate::role::{check_name, check_permissions, rights};
use crate::state::Identity;
use crate::store;

/// A role to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// A DNS label, unique in the tenant and no built-in role's.
    #[schema(
        example = "machine-runner",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is for, 1,000 characters at most.
    #[serde(default)]
    #[schema(example = "Starts and stops machines", max_length = 1000)]
    pub description: String,
    /// What it carries: names of actions such as `vm.read`, or `vm.*` for all of a resource.
    #[schema(example = json!(["vm.read", "vm.operate"]), min_items = 1, max_items = 200)]
    pub permissions: Vec<String>,
}

impl CreateRole {
    /// The checked body, or every complaint at once.
    fn check(&self) -> Result<(Name, Description, Permissions), fault::Error> {
        let name = check_name(&self.name);
        let description = Description::check(&self.description);
        match (name, description, check_permissions(&self.permissions)) {
            (Ok(name), Ok(description), Ok(permissions)) => Ok((name, description, permissions)),
            (name, description, permissions) => {
                let wrong = [name.err(), description.err(), permissions.err()];
                Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
            }
        }
    }
}

/// Creates a role.
#[utoipa::path(
    operation_id = "create_role",
    tag = "roles",
    description = "Makes a role of the tenant's own. It carries nothing the caller does not carry on the whole tenant. Needs \
                   `role.create` and a factor shown of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("Idempotency-Key" = Option<String>, Header, description = "Repeats within a day get the first answer"),
    ),
    request_body(content = CreateRole, description = "The role to be"),
    responses((status = 201, description = "Created", body = RoleView), Refusals),
    security(("bearer" = [])),
)]
#[post("/roles")]
pub async fn create_role(ask: Change<role::Create, CreateRole>, identity: Data<Identity>) -> Outcome<RoleView> {
    let (name, description, permissions) = ask.body.check()?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    if let Some(lacking) = tx.caller().lacks(&rights(name.as_str(), &permissions), None) {
        return Err(db::forbidden(lacking, "the whole tenant, to put it into a role").into());
    }

    let role = store::roles::insert(&mut tx, &tenant, &name, &description, &permissions)
        .await
        .map_err(|error| error.taken("role"))?;

    tx.finish(Status::Created, Created(RoleView::from(&role))).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use serde_json::json;

    use crate::testing::{restless, start};

    #[tokio::test]
    async fn what_is_wrong_is_named_field_by_field() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "No", "description": "x".repeat(1001), "permissions": ["vm.read", "vm.fly"]});
        let refused = owner.post("/api/v1/roles", body).await.expect(400);
        let places: Vec<_> = (0..3)
            .map(|n| refused.json["errors"][n]["pointer"].as_str().unwrap())
            .collect();
        assert_eq!(places, ["/name", "/description", "/permissions/1"]);
        for (name, permissions) in [
            ("a", json!([])),
            ("a", json!(["pool.create"])),
            ("a", json!(["*"])),
            ("a", json!(vec!["vm.read"; 201])),
            ("owner", json!(["vm.read"])),
            ("platform-operator", json!(["vm.read"])),
        ] {
            let body = json!({"name": name, "permissions": permissions});
            assert_eq!(owner.post("/api/v1/roles", body).await.expect(400).code(), "invalid");
        }
    }

    #[tokio::test]
    async fn names_are_unique_per_tenant_alone() {
        let test = start().await;
        let (one, other) = (test.bench.tenant("one").await, test.bench.tenant("other").await);
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let first = test.client.caller(&one.caller(Role::Owner));
        first.post("/api/v1/roles", body.clone()).await.expect(201);
        let again = first.post("/api/v1/roles", body.clone()).await.expect(409);
        assert_eq!(again.code(), "already_exists");
        let second = test.client.caller(&other.caller(Role::Owner));
        second.post("/api/v1/roles", body).await.expect(201);
    }

    #[tokio::test]
    async fn t18_nobody_makes_a_role_of_what_they_lack() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let body = |permissions| json!({"name": "snoop", "permissions": permissions});
        let refused = admin
            .post("/api/v1/roles", body(["vm.read", "audit.list"]))
            .await
            .expect(403);
        assert_eq!(refused.json["missing"]["permission"], "audit.list");
        assert_eq!(refused.json["missing"]["roles"], json!(["owner", "auditor"]));
        admin
            .post("/api/v1/roles", body(["vm.read", "audit.*"]))
            .await
            .expect(403);
        // What one carries in one project is not theirs to put into a role for all.
        let maker = json!({"name": "maker", "permissions": ["role.*"]});
        admin.post("/api/v1/roles", maker).await.expect(201);
        let bindings = vec![
            auth::Binding {
                rights: crate::role::rights("maker", &auth::Permissions::check(&["role.*".to_owned()]).unwrap()),
                project: None,
                condition: auth::Condition::NONE,
            },
            Binding::role(Role::Owner, Some(tenant.project)),
        ];
        let local = test.client.caller(&tenant.caller_with(bindings));
        local
            .post("/api/v1/roles", body(["role.read", "vm.read"]))
            .await
            .expect(403);
        local
            .post("/api/v1/roles", body(["role.read", "role.list"]))
            .await
            .expect(201);
    }

    #[tokio::test]
    async fn t18_a_viewer_may_not_and_a_stale_factor_does_not_do() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        let refused = viewer.post("/api/v1/roles", body.clone()).await.expect(403);
        assert_eq!(
            refused.json["missing"]["roles"],
            json!(["owner", "admin", "security_administrator"])
        );
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        let refused = stale.post("/api/v1/roles", body).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
        stale.get("/api/v1/roles").await.expect(200);
    }

    #[tokio::test]
    async fn a_dry_run_changes_nothing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        owner.post("/api/v1/roles?dry_run=true", body).await.expect(200);
        owner.get("/api/v1/roles/on-call").await.expect(404);
    }
}
