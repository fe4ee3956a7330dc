use actix_web::get;
use actix_web::web::{Data, Path};
use auth::Role;
use auth::action::role;
use ids::IdOrName;
use web::{Found, Read, Refusals};

use super::{OfRole, RoleView};
use crate::state::Identity;
use crate::store;

/// Reads a role.
#[utoipa::path(
    operation_id = "read_role",
    tag = "roles",
    description = "One role, built in or the tenant's own, by id or name. Needs `role.read`.",
    params(("role" = String, Path, description = "Id or name", example = "operator")),
    responses((status = 200, description = "The role", body = RoleView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/roles/{role}")]
pub async fn read_role(
    ask: Read<role::Read>,
    path: Path<OfRole>,
    identity: Data<Identity>,
) -> Result<Found<RoleView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    if let IdOrName::Name(name) = &path.role
        && let Some(built_in) = Role::bindable(tenant.id).find(|role| role.name() == name)
    {
        return Ok(Found(RoleView::from(built_in)));
    }

    let role = store::roles::lookup(&mut tx, &path.role).await?;
    let role = tx.grant(role.ok_or_else(|| fault::Error::not_found("role"))?)?;

    Ok(Found(RoleView::from(&*role)))
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use ids::RoleId;
    use serde_json::json;

    use crate::testing::start;

    #[tokio::test]
    async fn it_is_found_by_id_and_by_name() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.operate", "vm.*"]});
        let made = owner.post("/api/v1/roles", body).await.expect(201);
        let by_id = owner.get(made.header("location")).await.expect(200);
        let by_name = owner.get("/api/v1/roles/on-call").await.expect(200);
        assert_eq!((&by_id.json, &by_name.json), (&made.json, &made.json));
        assert_eq!(by_id.json["permissions"], json!(["vm.*", "vm.operate"]));
        let built_in = owner.get("/api/v1/roles/viewer").await.expect(200);
        assert_eq!(built_in.json["id"], "viewer");
        for never_bound in ["anyone", "system", "platform_operator"] {
            owner.get(&format!("/api/v1/roles/{never_bound}")).await.expect(404);
        }
    }

    #[tokio::test]
    async fn t01_anothers_role_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let made = test
            .client
            .caller(&theirs.caller(Role::Owner))
            .post("/api/v1/roles", body)
            .await
            .expect(201);
        let me = test.client.caller(&mine.caller(Role::Owner));
        let foreign = me.get(made.header("location")).await.expect(404);
        let absent = me.get(&format!("/api/v1/roles/{}", RoleId::mint())).await.expect(404);
        assert_eq!(foreign.without_request(), absent.without_request());
    }
}
