use actix_web::post;
use actix_web::web::{Data, Path};
use auth::action::operator_access;
use auth::{AccessKind, Binding};
use db::{Changed, Outcome, Status};
use web::{Change, DryRun, Once, Refusals};

use super::{OfAccess, OperatorAccessView, decider};
use crate::state::Identity;
use crate::store;
use crate::user::must_give;

/// Lets an operator in.
#[utoipa::path(
    operation_id = "approve_operator_access",
    tag = "operator-access",
    description = "Consents: from now on, for as long as was asked, the operator may do in the tenant what the role asked for \
                   carries, but for whatever changes credentials or rights, and each of their calls is in the audit log. \
                   Nobody lets anybody in with more than they carry themselves or may appoint to. 409 when there is \
                   nothing to decide any more. Needs `operator_access.approve` and a factor shown of late.",
    params(
        ("access" = String, Path, description = "Id", example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        DryRun,
        Once,
    ),
    responses((status = 200, description = "The operator is let in", body = OperatorAccessView), Refusals),
    security(("bearer" = [])),
)]
#[post("/operator-access/{access}:approve")]
pub async fn approve_operator_access(
    ask: Change<operator_access::Approve>,
    path: Path<OfAccess>,
    identity: Data<Identity>,
) -> Outcome<OperatorAccessView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = path.hold(&mut tx).await?;
    let person = decider(ask.caller())?;
    must_give(ask.caller(), &[Binding::role(held.role, None)])?;

    held.must_be(AccessKind::Consent)?;
    held.must_wait()?;
    let granted = store::operator_access::set_granted(&mut tx, &held, person).await?;

    let effect = Changed(OperatorAccessView::of(&held), OperatorAccessView::of(&granted));
    tx.finish(Status::Ok, effect).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::{settings, start, start_on};

    fn path(access: &str) -> String {
        format!("/api/v1/operator-access/{access}:approve")
    }

    #[tokio::test]
    async fn t18_whoever_may_not_does_not_and_nobody_lends_what_they_lack() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let admin = test.person(&acme, "admin", Role::Admin).await;
        let operator = test.operator("root").await;
        let looks = operator.asks(&acme).await;
        for role in [Role::Operator, Role::Viewer, Role::Auditor] {
            let caller = test.client.caller(&acme.caller(role));
            caller.post(&path(&looks), json!({})).await.expect(403);
        }
        let stale = test
            .stale(&acme, &owner)
            .post(&path(&looks), json!({}))
            .await
            .expect(403);
        assert_eq!(stale.code(), "step_up_required");
        let machine = test.machine(&acme, &["operator_access.*"]);
        machine.post(&path(&looks), json!({})).await.expect(403);
        let machine = test.machine(&acme, &["operator_access.approve"]);
        machine.post(&path(&looks), json!({})).await.expect(403);

        let reads_the_log = operator.asks_as(&acme, "auditor", 60).await;
        let refused = admin.client.post(&path(&reads_the_log), json!({})).await.expect(403);
        assert!(refused.text.contains("auditor"), "{}", refused.text);
        owner.client.post(&path(&reads_the_log), json!({})).await.expect(200);
        admin.client.post(&path(&looks), json!({})).await.expect(200);
    }

    #[tokio::test]
    async fn t18_where_duties_are_apart_an_operator_carries_one_at_a_time() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let (runs, reads, looks) = (
            operator.asks_as(&acme, "operator", 60).await,
            operator.asks_as(&acme, "auditor", 60).await,
            operator.asks_as(&acme, "viewer", 60).await,
        );
        let apart = sqlx::query("update identity.tenants set duties_apart = true where tenant_id = $1").bind(acme.id);
        // Whoever owns it carries all duties: they go last, as an endpoint would ask.
        let unbound =
            sqlx::query("delete from identity.role_bindings where tenant_id = $1 and role = 'owner'").bind(acme.id);
        unbound.execute(&mut test.bench.superuser().await).await.unwrap();
        apart.execute(&mut test.bench.superuser().await).await.unwrap();
        owner.client.post(&path(&runs), json!({})).await.expect(200);
        let refused = owner.client.post(&path(&reads), json!({})).await.expect(409);
        assert!(refused.text.contains("duties"), "{}", refused.text);
        owner.client.post(&path(&looks), json!({})).await.expect(200);
        let end = format!("/api/v1/operator-access/{runs}:end");
        owner.client.post(&end, json!({})).await.expect(200);
        owner.client.post(&path(&reads), json!({})).await.expect(200);
    }

    #[tokio::test]
    async fn a_consent_falls_while_whoever_gave_it_is_disabled() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let admin = test.person(&acme, "admin", Role::Admin).await;
        let access = test.operator("root").await.asks(&acme).await;
        admin.client.post(&path(&access), json!({})).await.expect(200);
        assert!(test.access_standing(&access).await.unwrap().live);
        let disabled = json!({"enabled": false});
        owner.client.patch(&admin.path, "*", disabled).await.expect(200);
        assert!(!test.access_standing(&access).await.unwrap().live);
    }

    #[tokio::test]
    async fn a_consent_goes_with_whoever_gave_it() {
        let test = start().await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let admin = test.person(&acme, "admin", Role::Admin).await;
        let access = test.operator("root").await.asks(&acme).await;
        admin.client.post(&path(&access), json!({})).await.expect(200);
        assert!(test.access_standing(&access).await.unwrap().live);
        let held = owner
            .client
            .get(&format!("{}/export", admin.path))
            .await
            .expect(200)
            .json;
        let decision = &held["held"]["operator_access"][0];
        assert_eq!(
            (&decision["id"], &decision["decision"]),
            (&json!(access), &json!("granted"))
        );
        owner.client.delete_if(&admin.path, "*").await.expect(204);
        assert!(test.access_standing(&access).await.is_none());
    }

    #[tokio::test]
    async fn it_is_granted_once_for_as_long_as_was_asked() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let acme = test.bench.tenant("acme").await;
        let owner = test.person(&acme, "owner", Role::Owner).await;
        let operator = test.operator("root").await;
        let access = operator.asks_as(&acme, "viewer", 15).await;
        let dry = format!("{}?dry_run=true", path(&access));
        assert_eq!(
            owner.client.post(&dry, json!({})).await.expect(200).json["state"],
            "granted"
        );
        assert!(!test.access_standing(&access).await.unwrap().live);
        let granted = owner.client.post(&path(&access), json!({})).await.expect(200).json;
        assert_eq!(
            (&granted["state"], &granted["decided_by"]),
            (&json!("granted"), &json!(owner.id))
        );
        assert_eq!(granted["ends_at"], json!(clock.now() + chrono::TimeDelta::minutes(15)));
        owner.client.post(&path(&access), json!({})).await.expect(409);
        assert!(test.access_standing(&access).await.unwrap().live);
        let log = test.audit(&acme).await;
        let expected = [
            "tenant_access.request",
            "operator_access.approve",
            "operator_access.approve",
        ];
        assert_eq!(
            log.iter().map(|(action, _)| action.as_str()).collect::<Vec<_>>(),
            expected
        );

        let late = operator.asks(&acme).await;
        clock.advance(Duration::from_hours(24));
        let refused = owner.client.post(&path(&late), json!({})).await.expect(409);
        assert!(refused.text.contains("expired"), "{}", refused.text);
    }
}
