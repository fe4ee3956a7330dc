use actix_web::post;
use actix_web::web::Data;
use auth::action::service_account;
use db::{Created, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::ServiceAccountView;
use crate::api::projects::create::both;
use crate::project::{Description, Name};
use crate::state::Identity;
use crate::store;

/// A service account to be.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateServiceAccount {
    /// A DNS label, unique in the tenant.
    #[schema(
        example = "backup",
        min_length = 1,
        max_length = 63,
        pattern = "^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$"
    )]
    pub name: String,
    /// What it is for, 1,000 characters at most.
    #[serde(default)]
    #[schema(example = "Takes the nightly backup", max_length = 1000)]
    pub description: String,
}

/// Creates a service account.
#[utoipa::path(
    operation_id = "create_service_account",
    tag = "service-accounts",
    description = "It carries no rights until roles are bound to it. Needs `service_account.create`, and asks for a factor shown \
                   of late.",
    params(DryRun, Once),
    request_body(content = CreateServiceAccount, description = "The account to be"),
    responses((status = 201, description = "Created", body = ServiceAccountView), Refusals),
    security(("bearer" = [])),
)]
#[post("/service-accounts")]
pub async fn create_service_account(
    ask: Change<service_account::Create, CreateServiceAccount>,
    identity: Data<Identity>,
) -> Outcome<ServiceAccountView> {
    let (name, description) = both(Name::check(&ask.body.name), Description::check(&ask.body.description))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;

    let account = store::service_accounts::insert(&mut tx, &tenant, &name, &description)
        .await
        .map_err(|error| error.taken("service account"))?;

    tx.finish(Status::Created, Created(ServiceAccountView::from(&account)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/service-accounts";

    #[tokio::test]
    async fn it_is_made_and_read_back_and_its_name_is_its_own() {
        let test = start().await;
        let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
        let admin = test.client.caller(&acme.caller(Role::Admin));
        let made = admin.post(PATH, json!({"name": "backup"})).await.expect(201);
        assert_eq!(made.json["enabled"], true);
        assert_eq!(admin.get(made.header("location")).await.expect(200).json, made.json);
        assert_eq!(
            admin.post(PATH, json!({"name": "backup"})).await.expect(409).code(),
            "already_exists"
        );
        let them = test.client.caller(&other.caller(Role::Admin));
        them.post(PATH, json!({"name": "backup"})).await.expect(201);
    }

    #[tokio::test]
    async fn who_may_not_is_refused_and_what_is_wrong_is_named() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        for role in [Role::Operator, Role::Viewer, Role::Auditor] {
            let caller = test.client.caller(&tenant.caller(role));
            caller.post(PATH, json!({"name": "backup"})).await.expect(403);
        }
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let refused = admin
            .post(PATH, json!({"name": "No", "description": "x".repeat(1001)}))
            .await;
        let refused = refused.expect(400).json;
        assert_eq!(refused["errors"][0]["pointer"], "/name");
        assert_eq!(refused["errors"][1]["pointer"], "/description");
        admin
            .post(PATH, json!({"name": "a", "tenant_id": tenant.id}))
            .await
            .expect(400);
    }
}
