use actix_web::delete;
use actix_web::web::{Data, Path};
use auth::action::role_binding;
use db::{Outcome, Removed, Status};
use ids::BindingId;
use web::{Change, Refusals};

use super::{OfBinding, RoleBindingView};
use crate::state::Identity;
use crate::store;

/// Removes a role binding.
#[utoipa::path(
    operation_id = "delete_role_binding",
    tag = "role-bindings",
    description = "Takes a role from whoever carries it; felt within five seconds. Nobody takes more than they carry there \
                   themselves, and the tenant keeps an owner or security administrator who can sign in and is bound without conditions. Needs \
                   `role_binding.delete` there and a factor shown of late.",
    params(
        ("binding" = BindingId, Path, description = "Its id"),
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen"),
    ),
    responses(
        (status = 204, description = "Removed"),
        (status = 200, description = "Dry run: what would be removed", body = RoleBindingView),
        Refusals,
    ),
    security(("bearer" = [])),
)]
#[delete("/role-bindings/{binding}")]
pub async fn delete_role_binding(
    ask: Change<role_binding::Delete>,
    path: Path<OfBinding>,
    identity: Data<Identity>,
) -> Outcome<RoleBindingView> {
    let mut tx = ask.begin(&identity.db).await?;
    let bound = store::role_bindings::lookup(&mut tx, path.binding).await?;
    let bound = tx.grant(bound)?;
    if let Some(lacking) = tx.caller().cannot_take(&bound.binding) {
        return Err(db::forbidden(lacking, "what this role is bound to, to take it away").into());
    }
    let owners = store::owners::hold(&mut tx).await?;

    if !store::role_bindings::remove(&mut tx, &bound).await? {
        return Err(fault::Error::not_found("role binding").into());
    }
    owners.must_remain(&mut tx).await?;

    tx.finish(Status::NoContent, Removed(RoleBindingView::from(&*bound)))
        .await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Role};
    use ids::UserId;
    use serde_json::{Value, json};
    use testkit::{Client, TestTenant};

    use crate::testing::{Test, restless, start};

    async fn bind(test: &Test, tenant: &TestTenant, owner: &Client, role: &str, project: Option<&str>) -> String {
        let id = UserId::mint();
        let user = test.newcomer(tenant, id, &format!("{id}@acme.example")).await;
        let body = json!({"subject": {"kind": "user", "id": user}, "role": role, "project": project});
        let made = owner.post("/api/v1/role-bindings", body).await.expect(201);
        made.header("location").to_owned()
    }

    #[tokio::test]
    async fn it_is_gone_and_the_log_knows_what_it_was() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let path = bind(&test, &tenant, &owner, "viewer", None).await;
        owner.delete(&format!("{path}?dry_run=true")).await.expect(200);
        owner.delete(&path).await.expect(204);
        owner.delete(&path).await.expect(404);
        owner.get(&path).await.expect(404);
        let log = test.audit(&tenant).await;
        assert_eq!(log[1], ("role_binding.delete".to_owned(), "success".to_owned()));
    }

    #[tokio::test]
    async fn t18_nobody_takes_more_than_they_carry() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let admin = test.client.caller(&tenant.caller(Role::Admin));
        let local = tenant.caller_with(vec![Binding::role(Role::Admin, Some(tenant.project))]);
        let local = test.client.caller(&local);
        bind(&test, &tenant, &owner, "owner", None).await;
        for role in ["owner", "auditor"] {
            let path = bind(&test, &tenant, &owner, role, None).await;
            admin.delete(&path).await.expect(403);
        }
        let path = bind(&test, &tenant, &owner, "viewer", None).await;
        local.delete(&path).await.expect(404);
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        assert_eq!(stale.delete(&path).await.expect(403).code(), "step_up_required");
        admin.delete(&path).await.expect(204);
        let path = bind(&test, &tenant, &owner, "viewer", Some("default")).await;
        local.delete(&path).await.expect(204);
    }

    #[tokio::test]
    async fn t01_anothers_reads_like_one_that_never_was() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        let path = bind(&test, &mine, &me, "viewer", None).await;
        let them = test.client.caller(&theirs.caller(Role::Owner));
        let absent = format!("/api/v1/role-bindings/{}", UserId::mint());
        for (foreign, absent) in [
            (them.get(&path).await, them.get(&absent).await),
            (them.delete(&path).await, them.delete(&absent).await),
        ] {
            assert_eq!(foreign.status, 404);
            assert_eq!(foreign.without_request(), absent.without_request());
        }
    }

    /// The paths of the bindings of two owners, and no others.
    async fn two_owners(test: &Test, tenant: &TestTenant, owner: &Client) -> [String; 2] {
        [
            bind(test, tenant, owner, "owner", None).await,
            bind(test, tenant, owner, "owner", None).await,
        ]
    }

    #[tokio::test]
    async fn t18_the_last_owner_stays_even_if_two_go_at_once() {
        let test = start().await;
        for round in 0..20 {
            let tenant = test.bench.tenant(&format!("acme-{round}")).await;
            let owner = test.client.caller(&tenant.caller(Role::Owner));
            let [one, other] = two_owners(&test, &tenant, &owner).await;
            let (first, second) = futures::future::join(owner.delete(&one), owner.delete(&other)).await;
            let mut codes = [first.status.as_u16(), second.status.as_u16()];
            codes.sort_unstable();
            assert_eq!(codes, [204, 409], "{} {}", first.text, second.text);
            let left = owner.get("/api/v1/role-bindings?role=owner").await.expect(200).json;
            assert_eq!(left["items"].as_array().unwrap().len(), 1);
        }
    }

    #[tokio::test]
    async fn t18_neither_the_disabled_nor_the_temporary_are_owners_enough() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let path = bind(&test, &tenant, &owner, "owner", None).await;
        let give = async |condition: Value| {
            let id = UserId::mint();
            let user = test.newcomer(&tenant, id, &format!("{id}@acme.example")).await;
            let body = json!({"subject": {"kind": "user", "id": user}, "role": "owner", "condition": condition});
            owner.post("/api/v1/role-bindings", body).await.expect(201);
            user
        };
        give(json!({"networks": ["10.0.0.0/8"]})).await;
        let until = test.bench.clock.now() + chrono::TimeDelta::hours(1);
        give(json!({"until": until})).await;
        owner.delete(&path).await.expect(409);
        give(json!({})).await;
        test.bench
            .alter(
                "update identity.users set enabled = false where tenant_id = $1 and user_id =
                   (select user_id from identity.users where tenant_id = $1 order by user_id desc limit 1)",
                tenant.id,
            )
            .await;
        owner.delete(&path).await.expect(409);
        give(json!({})).await;
        owner.delete(&path).await.expect(204);
    }
}
