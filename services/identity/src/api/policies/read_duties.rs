use actix_web::get;
use actix_web::web::Data;
use auth::action::policy;
use web::{Found, Read, Refusals};

use super::duties::DutiesPolicyView;
use crate::state::Identity;
use crate::store;

/// Reads whether duties are apart.
#[utoipa::path(
    operation_id = "read_duties_policy",
    tag = "policies",
    description = "Whether running systems, looking after people and reading the log are kept apart, who stands in the way of \
                   that, and which of the three nobody does. Needs `policy.read`; who stands in the way is told to whoever \
                   may list role bindings.",
    responses((status = 200, description = "The policy", body = DutiesPolicyView), (status = 304, description = "Unchanged"), Refusals),
    security(("bearer" = [])),
)]
#[get("/policies/duties")]
pub async fn read_duties_policy(
    ask: Read<policy::Read>,
    identity: Data<Identity>,
) -> Result<Found<DutiesPolicyView>, fault::Error> {
    let mut tx = ask.begin(&identity.db).await?;
    tx.tenant()?;
    let policy = store::policies::lookup(&mut tx).await?;

    Ok(Found(DutiesPolicyView::of(&mut tx, &policy).await?))
}

#[cfg(test)]
mod tests {
    use auth::{Binding, Condition, Permissions, Role};
    use serde_json::json;

    use crate::testing::start;

    const PATH: &str = "/api/v1/policies/duties";

    #[tokio::test]
    async fn a_tenant_that_has_said_nothing_keeps_nothing_apart_and_is_told_what_is_in_the_way() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.person(&tenant, "owner", Role::Owner).await;
        test.person(&tenant, "ada", Role::Auditor).await;
        for role in [Role::Owner, Role::Admin, Role::Auditor, Role::SecurityAdministrator] {
            let client = test.client.caller(&tenant.caller(role));
            let read = client.get(PATH).await.expect(200);
            assert_eq!(read.json["apart"], false);
            assert_eq!(read.json["lacking"], json!(["system", "security"]));
            let way = &read.json["in_the_way"][0];
            assert_eq!((&way["why"], &way["name"]), (&json!("combines"), &json!("owner")));
            assert_eq!(way["subject"], json!({"kind": "user", "id": owner.id}));
            assert_eq!(
                (&way["bindings"][0]["role"], &way["bindings"][0]["duty"]),
                (&json!("owner"), &json!("several"))
            );
            let again = client.request(reqwest::Method::GET, PATH);
            let again = again.header("if-none-match", read.header("etag"));
            client.send(again).await.expect(304);
        }
        for role in [Role::Operator, Role::Viewer, Role::SystemAdministrator] {
            let client = test.client.caller(&tenant.caller(role));
            client.get(PATH).await.expect(403);
        }
    }

    #[tokio::test]
    async fn what_changed_in_the_way_is_another_state() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let before = owner.get(PATH).await.expect(200);
        test.person(&tenant, "ada", Role::Admin).await;
        let after = owner.get(PATH).await.expect(200);
        assert_ne!(before.header("etag"), after.header("etag"));
    }

    #[tokio::test]
    async fn who_may_not_list_bindings_is_told_of_nobody() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        test.person(&tenant, "owner", Role::Owner).await;
        let reads = Binding {
            rights: crate::role::rights("reads", &Permissions::check(&["policy.read".to_owned()]).unwrap()),
            project: None,
            condition: Condition::NONE,
        };
        let client = test.client.caller(&tenant.caller_with(vec![reads]));
        let read = client.get(PATH).await.expect(200);
        assert_eq!(read.json["in_the_way"], json!([]));
    }

    #[tokio::test]
    async fn t01_the_tenants_do_not_see_each_others() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        test.person(&theirs, "owner", Role::Owner).await;
        test.person(&theirs, "auditor", Role::Auditor).await;
        let me = test.client.caller(&mine.caller(Role::Owner));
        let read = me.get(PATH).await.expect(200).json;
        assert_eq!(
            (&read["in_the_way"], &read["lacking"]),
            (&json!([]), &json!(["system", "security", "audit"]))
        );
    }
}
