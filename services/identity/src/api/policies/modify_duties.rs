use actix_web::patch;
use actix_web::web::Data;
use auth::action::policy;
use db::{Changed, Outcome, Status};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::duties::DutiesPolicyView;
use crate::duty;
use crate::state::Identity;
use crate::store;

/// What to change.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifyDutiesPolicy {
    /// Are running systems, looking after people and reading the log to be kept apart?
    #[schema(example = true)]
    pub apart: bool,
}

/// Keeps duties apart, or no longer.
#[utoipa::path(
    operation_id = "modify_duties_policy",
    tag = "policies",
    description = "While duties are apart nobody is bound to roles of two of them, whichever way: not to `owner` and `admin`, \
                   not to one of the tenant's own that combines two, not through a group. 409 as long as somebody stands in \
                   the way, or nobody carries `system_administrator`, `security_administrator` or `auditor`; a dry run finds \
                   out. Send the `ETag` last read as `If-Match`. Needs `policy.modify` and a factor shown of late.",
    params(DryRun, IfMatch),
    request_body(content = ModifyDutiesPolicy, description = "What to change"),
    responses((status = 200, description = "The policy as it is now", body = DutiesPolicyView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/policies/duties")]
pub async fn modify_duties_policy(
    ask: Change<policy::Modify, ModifyDutiesPolicy>,
    identity: Data<Identity>,
) -> Outcome<DutiesPolicyView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = store::policies::hold(&mut tx).await?;
    let before = DutiesPolicyView::of(&mut tx, &held).await?;
    tx.must_match(&before)?;
    if ask.body.apart {
        before.must_be_clear()?;
    }

    store::duties::set_apart(&mut tx, &held, ask.body.apart)
        .await
        .map_err(|error| duty::told(&error).unwrap_or_else(|| error.into()))?;
    let policy = store::policies::set(&mut tx, &held, &held).await?;

    let after = DutiesPolicyView::of(&mut tx, &policy).await?;
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use auth::{Binding, PLATFORM, Rights, Role};
    use ids::UserId;
    use serde_json::{Value, json};
    use testkit::{Client, Reply, TestTenant};

    use crate::testing::{Person, Test, restless, start};

    const PATH: &str = "/api/v1/policies/duties";
    const BINDINGS: &str = "/api/v1/role-bindings";

    /// A tenant with one person of each duty.
    struct House {
        test: Test,
        tenant: TestTenant,
        /// Looks after people.
        security: Person,
        system: Person,
        auditor: Person,
    }

    impl House {
        async fn build() -> Self {
            let test = start().await;
            let tenant = test.bench.tenant("acme").await;
            Self {
                security: test.person(&tenant, "sec", Role::SecurityAdministrator).await,
                system: test.person(&tenant, "sys", Role::SystemAdministrator).await,
                auditor: test.person(&tenant, "aud", Role::Auditor).await,
                test,
                tenant,
            }
        }

        async fn apart() -> Self {
            let house = Box::pin(Self::build()).await;
            Box::pin(house.set(true)).await.expect(200);
            house
        }

        async fn set(&self, apart: bool) -> Reply {
            self.security.client.patch(PATH, "*", json!({"apart": apart})).await
        }

        async fn bind(&self, kind: &str, id: impl ToString, role: &str) -> Reply {
            self.bind_in(kind, id, role, None).await
        }

        async fn bind_in(&self, kind: &str, id: impl ToString, role: &str, project: Option<&str>) -> Reply {
            let subject = json!({"kind": kind, "id": id.to_string()});
            let body = json!({"subject": subject, "role": role, "project": project});
            self.security.client.post(BINDINGS, body).await
        }

        async fn newcomer(&self) -> UserId {
            let id = UserId::mint();
            self.test
                .newcomer(&self.tenant, id, &format!("{id}@acme.example"))
                .await
        }

        /// What the database says to a statement of the superuser's: the violated constraint.
        async fn raw(&self, sql: &str) -> String {
            let sql = sql.replace("TENANT", &format!("'{}'", self.tenant.id));
            let ran = sqlx::raw_sql(sqlx::AssertSqlSafe(sql))
                .execute(&mut self.test.bench.superuser().await)
                .await;
            let refused = ran.unwrap_err();
            let refused = refused.as_database_error().unwrap();
            refused.constraint().unwrap_or_else(|| refused.message()).to_owned()
        }
    }

    /// A refused change is in the tenant's log.
    async fn is_told(house: &House, action: &str) -> bool {
        let told = (action.to_owned(), "failed".to_owned());
        house.test.audit(&house.tenant).await.contains(&told)
    }

    #[tokio::test]
    async fn what_is_set_is_read_and_stands_in_the_log() {
        let house = House::build().await;
        let client = &house.security.client;
        let read = client.get(PATH).await.expect(200);
        assert_eq!(
            (&read.json["apart"], &read.json["in_the_way"], &read.json["lacking"]),
            (&json!(false), &json!([]), &json!([]))
        );
        let dry = format!("{PATH}?dry_run=true");
        assert_eq!(
            client.patch(&dry, "*", json!({"apart": true})).await.expect(200).json["apart"],
            true
        );
        assert_eq!(client.get(PATH).await.json["apart"], false);
        let etag = read.header("etag").to_owned();
        client.patch(PATH, &etag, json!({"apart": true})).await.expect(200);
        assert_eq!(client.get(PATH).await.json["apart"], true);
        client.patch(PATH, &etag, json!({"apart": false})).await.expect(412);
        let done = ("policy.modify".to_owned(), "success".to_owned());
        assert!(house.test.audit(&house.tenant).await.contains(&done));
        house.set(false).await.expect(200);
        assert_eq!(client.get(PATH).await.json["apart"], false);
    }

    #[tokio::test]
    async fn t18_who_stands_in_the_way_is_named_before_anything_changes() {
        let house = House::build().await;
        let boss = house.test.person(&house.tenant, "boss", Role::Owner).await;
        let both = house.test.person(&house.tenant, "both", Role::Operator).await;
        let also = boss
            .client
            .post(
                BINDINGS,
                json!({"subject": {"kind": "user", "id": both.id}, "role": "auditor"}),
            )
            .await
            .expect(201);
        let crew = Binding::role(Role::Operator, None);
        let crew = house.test.join(&house.tenant, house.auditor.id, "crew", &crew).await;
        for path in [PATH.to_owned(), format!("{PATH}?dry_run=true")] {
            let refused = house
                .security
                .client
                .patch(&path, "*", json!({"apart": true}))
                .await
                .expect(409);
            let detail = refused.json["detail"].as_str().unwrap();
            for word in [
                boss.id.to_string(),
                both.id.to_string(),
                crew.to_string(),
                "owner".to_owned(),
            ] {
                assert!(detail.contains(&word), "{word}: {detail}");
            }
            assert!(detail.contains(also.json["id"].as_str().unwrap()), "{detail}");
        }
        let ways = house.security.client.get(PATH).await.json["in_the_way"].clone();
        let mut reasons: Vec<_> = ways
            .as_array()
            .unwrap()
            .iter()
            .map(|way| way["why"].as_str().unwrap())
            .collect();
        reasons.sort_unstable();
        assert_eq!(reasons, ["by_group", "combines", "several"]);
        assert!(is_told(&house, "policy.modify").await);
    }

    #[tokio::test]
    async fn t18_each_of_the_three_is_somebody_who_can_sign_in() {
        let house = House::build().await;
        house.test.switch_off(house.tenant.id, house.auditor.id).await;
        let refused = house.set(true).await.expect(409);
        assert!(
            refused.text.contains("nobody who can sign in is auditor"),
            "{}",
            refused.text
        );
    }

    #[tokio::test]
    async fn who_may_not_is_refused_and_what_makes_no_sense_is_named() {
        let house = House::build().await;
        for role in [Role::Auditor, Role::SystemAdministrator, Role::Viewer, Role::Operator] {
            let client = house.test.client.caller(&house.tenant.caller(role));
            client.patch(PATH, "*", json!({"apart": true})).await.expect(403);
        }
        let client = &house.security.client;
        for body in [
            json!({}),
            json!({"apart": "yes"}),
            json!({"apart": true, "owner": "me"}),
        ] {
            client.patch(PATH, "*", body).await.expect(400);
        }
        let unguarded = client
            .request(reqwest::Method::PATCH, PATH)
            .json(&json!({"apart": true}));
        client.send(unguarded).await.expect(428);
        let stale = house
            .test
            .client
            .caller(&restless(&house.tenant, Role::SecurityAdministrator));
        let refused = stale.patch(PATH, "*", json!({"apart": true})).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }

    #[tokio::test]
    async fn t18_nobody_comes_to_a_second_duty() {
        let house = House::apart().await;
        for (person, role) in [
            (&house.security, "auditor"),
            (&house.security, "operator"),
            (&house.auditor, "system_administrator"),
            (&house.system, "security_administrator"),
        ] {
            let refused = house.bind("user", person.id, role).await.expect(409);
            let detail = refused.json["detail"].as_str().unwrap();
            assert!(detail.contains("apart") && detail.contains("by binding"), "{detail}");
            // In one project no more than in all.
            house
                .bind_in("user", person.id, role, Some("default"))
                .await
                .expect(409);
        }
        for role in ["owner", "admin"] {
            house.bind("user", house.newcomer().await, role).await.expect(409);
        }
        assert!(is_told(&house, "role_binding.create").await);
        // What belongs to no duty, or to the same, goes with it.
        house.bind("user", house.system.id, "operator").await.expect(201);
        house.bind("user", house.auditor.id, "viewer").await.expect(201);
        // Whoever gives up the one may come to the other.
        let ada = house.newcomer().await;
        let made = house.bind("user", ada, "operator").await.expect(201);
        house.bind("user", ada, "auditor").await.expect(409);
        house.security.client.delete(made.header("location")).await.expect(204);
        house.bind("user", ada, "auditor").await.expect(201);
    }

    #[tokio::test]
    async fn t18_a_machine_holds_one_duty_and_a_group_none() {
        let house = House::apart().await;
        let robot = house.test.account(&house.tenant, "robot").await;
        house.bind("service_account", robot, "operator").await.expect(201);
        house.bind("service_account", robot, "auditor").await.expect(409);
        let crew = house.test.group(&house.tenant, "crew").await;
        for role in ["operator", "auditor", "security_administrator", "owner"] {
            house.bind("group", crew, role).await.expect(409);
        }
        house.bind("group", crew, "viewer").await.expect(201);
    }

    #[tokio::test]
    async fn t18_a_role_that_somebody_carries_does_not_come_to_another_duty() {
        let house = House::apart().await;
        let client = &house.security.client;
        let role = async |name: &str, permissions: Value| {
            let body = json!({"name": name, "permissions": permissions});
            client.post("/api/v1/roles", body).await.expect(201)
        };
        let runner = role("runner", json!(["vm.operate"])).await;
        assert_eq!(runner.json["duty"], "system");
        let mixed = role("mixed", json!(["vm.operate", "audit.list"])).await;
        assert_eq!(mixed.json["duty"], "several");
        let looks = role("looks", json!(["vm.read"])).await;
        assert_eq!(looks.json["duty"], "none");

        house.bind("user", house.newcomer().await, "mixed").await.expect(409);
        house.bind("user", house.auditor.id, "runner").await.expect(409);
        house.bind("user", house.auditor.id, "looks").await.expect(201);
        house.bind("user", house.system.id, "runner").await.expect(201);
        let crew = house.test.group(&house.tenant, "crew").await;
        house.bind("group", crew, "looks").await.expect(201);

        let reshape = async |name: &str, permissions: Value| {
            let path = format!("/api/v1/roles/{name}");
            client.patch(&path, "*", json!({"permissions": permissions})).await
        };
        // Its carrier would hold two, it would combine two, a group would carry one.
        reshape("runner", json!(["audit.list"])).await.expect(409);
        reshape("runner", json!(["vm.operate", "user.modify"]))
            .await
            .expect(409);
        reshape("looks", json!(["vm.read", "vm.operate"])).await.expect(409);
        reshape("runner", json!(["vm.operate", "console.read"]))
            .await
            .expect(200);
        reshape("mixed", json!(["audit.list"])).await.expect(200);
        house.bind("user", house.auditor.id, "mixed").await.expect(201);
        assert!(is_told(&house, "role.modify").await);
    }

    #[tokio::test]
    async fn t18_an_invitation_leads_to_one_duty() {
        let house = House::build().await;
        let boss = house.test.person(&house.tenant, "boss", Role::Owner).await;
        let (early, _) = house.test.invite(&boss, "early@example.com", "admin").await;
        let (fine, _) = house.test.invite(&boss, "fine@example.com", "viewer").await;
        house
            .test
            .bench
            .alter(
                "delete from identity.role_bindings where tenant_id = $1 and role = 'owner'",
                house.tenant.id,
            )
            .await;
        house.set(true).await.expect(200);
        house.test.accept(&early).await.expect(401);
        // Its inviter carries nothing any more.
        house.test.accept(&fine).await.expect(401);
        let body = json!({"email": "late@example.com", "role": "admin"});
        house
            .security
            .client
            .post("/api/v1/invitations", body)
            .await
            .expect(409);
        let (token, _) = house.test.invite(&house.security, "ada@example.com", "auditor").await;
        let joined = house.test.accept(&token).await.expect(201);
        let ada = joined.json["user_id"].as_str().unwrap();
        house.bind("user", ada, "operator").await.expect(409);
    }

    /// Even whoever writes past the service.
    #[tokio::test]
    async fn t18_the_database_refuses_what_mixes_duties() {
        let house = House::apart().await;
        let bind = |columns: &str, values: &str, apart: bool| {
            format!(
                "insert into identity.role_bindings (tenant_id, binding_id, created_at, apart, {columns})
                 values (TENANT, gen_random_uuid(), now(), {apart}, {values})"
            )
        };
        let auditor = format!("'{}'", house.auditor.id);
        let second = bind("user_id, role", &format!("{auditor}, 'operator'"), true);
        assert_eq!(house.raw(&second).await, "role_bindings_one_duty");
        let elsewhere = format!("{auditor}, 'operator', '{}'", house.tenant.project);
        let elsewhere = bind("user_id, role, project_id", &elsewhere, true);
        assert_eq!(house.raw(&elsewhere).await, "role_bindings_one_duty");
        // A binding cannot say otherwise than its tenant.
        let sly = bind("user_id, role", &format!("{auditor}, 'operator'"), false);
        assert_eq!(house.raw(&sly).await, "role_bindings_as_the_tenant");
        let sly = "update identity.role_bindings set apart = false where tenant_id = TENANT";
        assert_eq!(house.raw(sly).await, "role_bindings_as_the_tenant");
        let owner = bind("user_id, role", &format!("'{}', 'owner'", house.newcomer().await), true);
        assert_eq!(house.raw(&owner).await, "role_bindings_undivided");
        let crew = house.test.group(&house.tenant, "crew").await;
        let crew = bind("group_id, role", &format!("'{crew}', 'operator'"), true);
        assert_eq!(house.raw(&crew).await, "role_bindings_in_person");
        let changed = format!(
            "update identity.role_bindings set role = 'admin' where tenant_id = TENANT and user_id = {auditor}"
        );
        assert_eq!(house.raw(&changed).await, "role_bindings_undivided");
        // Nor does a role change under those who carry it.
        house.test.role(&house.tenant, "runner", &["vm.operate"]).await;
        house
            .test
            .bench
            .alter(
                "update identity.roles set duty = 'system' where tenant_id = $1",
                house.tenant.id,
            )
            .await;
        house.bind("user", house.system.id, "runner").await.expect(201);
        let reshaped = "update identity.roles set duty = 'audit' where tenant_id = TENANT";
        assert_eq!(house.raw(reshaped).await, "role_bindings_one_duty");
    }

    #[tokio::test]
    async fn t18_the_database_knows_each_roles_duty_as_the_code_does() {
        let test = start().await;
        for tenant in [test.bench.tenant("acme").await.id, PLATFORM] {
            for role in Role::bindable(tenant) {
                let duty: String = sqlx::query_scalar(
                    "with person as (insert into identity.users (tenant_id, user_id, email_sealed, email_mark, name_sealed,
                                                                 created_at, updated_at)
                                     values ($1, $2, 'x', uuid_send($2), 'x', now(), now()))
                     insert into identity.role_bindings (tenant_id, binding_id, user_id, role, created_at)
                     values ($1, gen_random_uuid(), $2, $3, now()) returning duty",
                )
                .bind(tenant)
                .bind(UserId::mint())
                .bind(role.name())
                .fetch_one(&mut test.bench.superuser().await)
                .await
                .unwrap();
                assert_eq!(duty, Rights::Role(role).duties().name(), "{role:?}");
            }
        }
    }

    #[tokio::test]
    async fn t18_the_last_security_administrator_stays() {
        let house = House::apart().await;
        let client = &house.security.client;
        let listed = client
            .get(&format!("{BINDINGS}?role=security_administrator"))
            .await
            .expect(200)
            .json;
        let path = format!("{BINDINGS}/{}", listed["items"][0]["id"].as_str().unwrap());
        client.delete(&path).await.expect(409);
        let other = house
            .test
            .client
            .caller(&house.tenant.caller(Role::SecurityAdministrator));
        other
            .patch(&house.security.path, "*", json!({"enabled": false}))
            .await
            .expect(409);
        other.delete_if(&house.security.path, "*").await.expect(409);
        house
            .bind("user", house.newcomer().await, "security_administrator")
            .await
            .expect(201);
        client.delete(&path).await.expect(204);
    }

    /// Without holding those duties: else nobody could be appointed, or let go.
    #[tokio::test]
    async fn t18_whoever_looks_after_people_appoints_and_dismisses_and_no_more() {
        let house = House::apart().await;
        let ada = house.newcomer().await;
        let made = house.bind("user", ada, "auditor").await.expect(201);
        house.security.client.delete(made.header("location")).await.expect(204);
        house.bind("user", ada, "system_administrator").await.expect(201);
        let path = format!("/api/v1/users/{ada}");
        house
            .security
            .client
            .patch(&path, "*", json!({"enabled": false}))
            .await
            .expect(200);
        house.security.client.delete_if(&path, "*").await.expect(204);
        let refuse = async |client: &Client, path: &str| assert_eq!(client.get(path).await.status, 403, "{path}");
        for path in ["/api/v1/users", "/api/v1/role-bindings", PATH] {
            refuse(&house.system.client, path).await;
        }
        let body = json!({"subject": {"kind": "user", "id": house.newcomer().await}, "role": "viewer"});
        for client in [&house.system.client, &house.auditor.client] {
            client.post(BINDINGS, body.clone()).await.expect(403);
        }
        let body = json!({"name": "robot"});
        house
            .security
            .client
            .post("/api/v1/service-accounts", body.clone())
            .await
            .expect(403);
        house
            .auditor
            .client
            .post("/api/v1/service-accounts", body.clone())
            .await
            .expect(403);
        house
            .system
            .client
            .post("/api/v1/service-accounts", body)
            .await
            .expect(201);
    }

    /// The key of a machine that looks after people would be the hand of whoever made it.
    #[tokio::test]
    async fn t18_a_key_is_made_by_whoever_could_do_what_its_machine_does() {
        let house = House::apart().await;
        for (name, role, expected) in [
            ("runs", "operator", 201),
            ("reads", "auditor", 403),
            ("appoints", "security_administrator", 403),
        ] {
            let robot = house.test.account(&house.tenant, name).await;
            house.bind("service_account", robot, role).await.expect(201);
            let path = format!("/api/v1/service-accounts/{robot}/api-keys");
            house
                .system
                .client
                .post(&path, json!({"name": "key"}))
                .await
                .expect(expected);
            house
                .security
                .client
                .post(&path, json!({"name": "key"}))
                .await
                .expect(403);
        }
    }
}
