use actix_web::patch;
use actix_web::web::{Data, Path};
use auth::Permissions;
use auth::action::role;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::{OfRole, RoleView, refuse_built_in};
use crate::duty;
use crate::project::{Description, Name};
use crate::role::{check_name, check_permissions, rights};
use crate::state::Identity;
use crate::store;

/// What to change of a role; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyRole {
    /// The new name.
    #[schema(example = "runner", max_length = 63)]
    pub name: Option<String>,
    /// The new description.
    #[schema(example = "Runs machines", max_length = 1000)]
    pub description: Option<String>,
    /// All that it carries from now on.
    #[schema(example = json!(["vm.*"]), min_items = 1, max_items = 200)]
    pub permissions: Option<Vec<String>>,
}

struct Checked {
    name: Option<Name>,
    description: Option<Description>,
    permissions: Option<Permissions>,
}

impl ModifyRole {
    /// The checked body, or every complaint at once.
    fn check(&self) -> Result<Checked, fault::Error> {
        let name = self.name.as_deref().map(check_name).transpose();
        let description = self.description.as_deref().map(Description::check).transpose();
        let permissions = self.permissions.as_deref().map(check_permissions).transpose();
        match (name, description, permissions) {
            (Ok(name), Ok(description), Ok(permissions)) => Ok(Checked {
                name,
                description,
                permissions,
            }),
            (name, description, permissions) => {
                let wrong = [name.err(), description.err(), permissions.err()];
                Err(fault::Error::invalid_fields(wrong.into_iter().flatten().collect()))
            }
        }
    }
}

/// Changes a role.
#[utoipa::path(
    operation_id = "modify_role",
    tag = "roles",
    description = "Changes a role of the tenant's own, and with it what everybody carries who is bound to it: the caller must \
                   carry what it held before and what it will hold, wherever it is bound. Where duties are apart, 409 if it \
                   comes to another that does not go with who carries it. Send the `ETag` last read as \
                   `If-Match`. Needs `role.modify` and a factor shown of late.",
    params(
        ("role" = String, Path, description = "Id or name", example = "machine-runner"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
        ("If-Match" = String, Header, description = "The ETag last read"),
    ),
    request_body(content = ModifyRole, description = "What to change"),
    responses((status = 200, description = "The role as it is now", body = RoleView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/roles/{role}")]
pub async fn modify_role(
    ask: Change<role::Modify, ModifyRole>,
    path: Path<OfRole>,
    identity: Data<Identity>,
) -> Outcome<RoleView> {
    let new = ask.body.check()?;
    refuse_built_in(&path.role)?;

    let mut tx = ask.begin(&identity.db).await?;
    let role = store::roles::lookup(&mut tx, &path.role).await?;
    let role = tx.grant(role.ok_or_else(|| fault::Error::not_found("role"))?)?;
    let role = store::roles::hold(&mut tx, role).await?;
    let before = RoleView::from(&*role);
    tx.must_match(&before)?;
    let carried = store::role_bindings::places(&mut tx, &role).await?;
    let wider = rights(&role.name, new.permissions.as_ref().unwrap_or(&role.permissions));
    if let Some(lacking) = tx.caller().cannot_reshape(&role.rights(), &wider, &carried) {
        return Err(db::forbidden(lacking, "everything this role is bound to").into());
    }

    let (name, description) = (new.name.as_ref(), new.description.as_ref());
    let role = store::roles::set(&mut tx, &role, name, description, new.permissions.as_ref())
        .await
        .map_err(|error| duty::told(&error).unwrap_or_else(|| error.taken("role")))?;

    tx.finish(Status::Ok, Changed(before, RoleView::from(&role))).await
}

#[cfg(test)]
mod tests {
    use auth::Role;
    use serde_json::json;

    use crate::testing::{restless, start};

    #[tokio::test]
    async fn the_log_shows_the_permissions_before_and_after() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let made = owner.post("/api/v1/roles", body).await.expect(201);
        let path = made.header("location");
        let changed = owner
            .patch(
                path,
                made.header("etag"),
                json!({"permissions": ["vm.read", "vm.operate"]}),
            )
            .await
            .expect(200);
        assert_eq!(changed.json["permissions"], json!(["vm.operate", "vm.read"]));
        let log = test
            .dump("bus.outbox")
            .await
            .replace('\\', "")
            .replace("\"\"", "\"")
            .replace(' ', "");
        assert!(log.contains(r#""before":["vm.read"]"#), "{log}");
        assert!(log.contains(r#""after":["vm.operate","vm.read"]"#), "{log}");
    }

    #[tokio::test]
    async fn only_who_read_the_present_state_may_change_it() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let made = owner.post("/api/v1/roles", body).await.expect(201);
        let path = made.header("location");
        let etag = made.header("etag");
        let changes = (0..12).map(|n| owner.patch(path, etag, json!({"description": format!("by {n}")})));
        let replies = futures::future::join_all(changes).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 11), "{replies:?}");
        let unguarded = owner
            .request(reqwest::Method::PATCH, path)
            .json(&json!({"name": "again"}));
        owner.send(unguarded).await.expect(428);
    }

    #[tokio::test]
    async fn t18_nobody_widens_or_takes_over_a_role_beyond_what_they_carry() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let body = json!({"name": "watch", "permissions": ["vm.read"]});
        owner.post("/api/v1/roles", body).await.expect(201);
        let wider = json!({"permissions": ["vm.read", "audit.list"]});
        let refused = admin.patch("/api/v1/roles/watch", "*", wider.clone()).await.expect(403);
        assert_eq!(refused.json["missing"]["permission"], "audit.list");
        owner.patch("/api/v1/roles/watch", "*", wider).await.expect(200);
        let narrower = json!({"permissions": ["vm.read"]});
        admin
            .patch("/api/v1/roles/watch", "*", narrower.clone())
            .await
            .expect(403);
        let renamed = json!({"name": "taken-over"});
        admin.patch("/api/v1/roles/watch", "*", renamed).await.expect(403);
        owner.patch("/api/v1/roles/watch", "*", narrower).await.expect(200);
        let viewer = test.client.caller(&tenant.caller(Role::Viewer));
        viewer.patch("/api/v1/roles/watch", "*", json!({})).await.expect(403);
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        let refused = stale.patch("/api/v1/roles/watch", "*", json!({})).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }

    #[tokio::test]
    async fn what_cannot_be_changed_says_so() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        let body = json!({"name": "on-call", "permissions": ["vm.read"]});
        let made = me.post("/api/v1/roles", body).await.expect(201);
        me.patch("/api/v1/roles/owner", "*", json!({"permissions": ["vm.read"]}))
            .await
            .expect(409);
        me.patch(made.header("location"), "*", json!({"permissions": []}))
            .await
            .expect(400);
        me.patch(made.header("location"), "*", json!({"name": "viewer"}))
            .await
            .expect(400);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        them.patch(made.header("location"), "*", json!({"name": "stolen"}))
            .await
            .expect(404);
    }
}
