use actix_web::patch;
use actix_web::web::Data;
use auth::action::policy;
use db::{Changed, Outcome, Status};
use fault::FieldError;
use ids::uuid::Uuid;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, DryRun, IfMatch, Refusals};

use super::{SessionLimits, SignInPolicyView};
use crate::factor::passkey::Attestation;
use crate::policy::{LEAST_IDLE_MINUTES, Policy, SecondFactor, check_kinds, check_weaker, within};
use crate::state::Identity;
use crate::store;

/// What to change; what is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModifySignInPolicy {
    /// Who must have a second factor.
    pub second_factor: Option<SecondFactor>,
    /// The kinds of second factor that count from now on.
    #[schema(example = json!(["webauthn", "totp"]), min_items = 1, max_items = 10)]
    pub factor_kinds: Option<Vec<String>>,
    /// The weaker kinds that people may have as well: none, `sms`, `email`. Where one is taken away, those of that kind are no
    /// factors any more, and whoever has nothing else signs in by the password alone unless everybody must have one.
    #[schema(example = json!(["sms"]), max_items = 10)]
    pub weaker_factors: Option<Vec<String>>,
    /// What is asked of passkeys that are added: `none` or `direct`.
    #[schema(example = "direct", max_length = 16)]
    pub attestation: Option<String>,
    /// The models that are taken under `direct`, by AAGUID.
    #[schema(example = json!(["2fc0579f-8113-47ea-b116-bb5a8db9202a"]), max_items = 100)]
    pub allowed_aaguids: Option<Vec<Uuid>>,
    /// Minutes for which a factor is fresh enough for what asks for one; 0: for ever.
    #[schema(example = 15, minimum = 0, maximum = 1440)]
    pub step_up_minutes: Option<i64>,
    /// Minutes without use after which a session ends; no more than the operator's.
    #[schema(example = 60, minimum = 15)]
    pub session_idle_minutes: Option<i64>,
    /// Hours after which a session ends, however much it is used; no more than the operator's.
    #[schema(example = 12, minimum = 1)]
    pub session_hours: Option<i64>,
}

impl ModifySignInPolicy {
    /// The policy as it will be, or every complaint at once.
    fn check(&self, now: &Policy, identity: &Identity) -> Result<Policy, fault::Error> {
        let most = SessionLimits::of(identity.lifetimes);
        let mut wrong = Vec::new();
        let mut number = |pointer, value: Option<i64>, range| -> Option<i64> {
            value.and_then(|value| within(pointer, value, range).map_err(|error| wrong.push(error)).ok())
        };
        let step_up = number("/step_up_minutes", self.step_up_minutes, (0, 1440));
        let idle = (i64::from(LEAST_IDLE_MINUTES), most.session_idle_minutes);
        let idle = number("/session_idle_minutes", self.session_idle_minutes, idle);
        let hours = number("/session_hours", self.session_hours, (1, most.session_hours));
        let kinds = self
            .factor_kinds
            .as_deref()
            .map(|names| check_kinds("/factor_kinds", names));
        let kinds = kinds.transpose().map_err(|error| wrong.push(error)).ok().flatten();
        // What is allowed already stays so where the operator sends nothing for a while.
        let known = [identity.sendable(), now.weaker_factors.clone()].concat();
        let weaker = self
            .weaker_factors
            .as_deref()
            .map(|names| check_weaker("/weaker_factors", names, &known));
        let weaker = weaker.transpose().map_err(|error| wrong.push(error)).ok().flatten();
        let attestation = self.attestation(now);
        let attestation = attestation.map_err(|error| wrong.push(error)).ok();
        if !wrong.is_empty() {
            return Err(fault::Error::invalid_fields(wrong));
        }
        let size = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        Ok(Policy {
            second_factor: self.second_factor.unwrap_or(now.second_factor),
            factor_kinds: kinds.unwrap_or_else(|| now.factor_kinds.clone()),
            weaker_factors: weaker.unwrap_or_else(|| now.weaker_factors.clone()),
            attestation: attestation.unwrap_or_else(|| now.attestation.clone()),
            step_up_minutes: step_up
                .and_then(|minutes| u16::try_from(minutes).ok())
                .unwrap_or(now.step_up_minutes),
            session_idle_minutes: size(idle).or(now.session_idle_minutes),
            session_hours: size(hours).or(now.session_hours),
            ..now.clone()
        })
    }
}

impl ModifySignInPolicy {
    /// What is asked of passkeys from now on.
    fn attestation(&self, now: &Policy) -> Result<Attestation, FieldError> {
        let (wanted, models) = now.attestation.parts();
        let wanted = self.attestation.as_deref().unwrap_or(wanted);
        let models = self.allowed_aaguids.as_deref().unwrap_or(models);
        match wanted {
            "none" if self.allowed_aaguids.as_ref().is_none_or(Vec::is_empty) => Ok(Attestation::None),
            "direct" if (1..=100).contains(&models.len()) => Ok(Attestation::Direct(models.to_vec())),
            "none" | "direct" => Err(FieldError::new(
                "/allowed_aaguids",
                "must name 1 to 100 models under `direct`, and none under `none`",
            )),
            _ => Err(FieldError::new("/attestation", "must be `none` or `direct`")),
        }
    }
}

/// Nobody may ask for a factor that they lack themselves: they, and perhaps all who could undo it, would be shut out.
async fn must_not_lock_out(tx: &mut db::Change<policy::Modify>, new: &Policy) -> Result<(), fault::Error> {
    if new.second_factor == SecondFactor::Optional {
        return Ok(());
    }
    let met = match tx.caller().user() {
        Some(user) => new.is_met_by(&store::policies::kinds_of(tx, user).await?),
        None => store::policies::owner_with(tx, &new.kinds()).await?,
    };
    if met {
        return Ok(());
    }
    let kinds: Vec<&str> = new.kinds().iter().map(|kind| kind.name()).collect();
    let detail = format!(
        "This would shut you out: first add a second factor of a kind that counts ({}) with `POST /me/mfa/…`.",
        kinds.join(", ")
    );
    Err(fault::Error::conflict(detail))
}

/// Changes what the tenant asks of whoever signs in.
#[utoipa::path(
    operation_id = "modify_sign_in_policy",
    tag = "policies",
    description = "Counts within five seconds, for sessions that are under way as well: who must have a second factor and has \
                   shown none can do nothing but add or show it. Whoever asks for a factor must have one that counts. Send \
                   the `ETag` last read as `If-Match`. Needs `policy.modify` and a factor shown of late.",
    params(DryRun, IfMatch),
    request_body(content = ModifySignInPolicy, description = "What to change"),
    responses((status = 200, description = "The policy as it is now", body = SignInPolicyView), Refusals),
    security(("bearer" = [])),
)]
#[patch("/policies/sign-in")]
pub async fn modify_sign_in_policy(
    ask: Change<policy::Modify, ModifySignInPolicy>,
    identity: Data<Identity>,
) -> Outcome<SignInPolicyView> {
    let mut tx = ask.begin(&identity.db).await?;
    let held = store::policies::hold(&mut tx).await?;
    let before = SignInPolicyView::of(&held, &identity);
    tx.must_match(&before)?;

    let new = ask.body.check(&held, &identity)?;
    must_not_lock_out(&mut tx, &new).await?;
    let policy = store::policies::set(&mut tx, &held, &new).await?;

    let after = SignInPolicyView::of(&policy, &identity);
    tx.finish(Status::Ok, Changed(before, after)).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::{Owed, Role};
    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::{Bench, TestTenant};

    use crate::factor::totp::Shared;
    use crate::testing::codes::Sending;
    use crate::testing::{Enrolled, Owner, PASSWORD, Person, Test, restless, settings, start, start_on, turn_in};

    const PATH: &str = "/api/v1/policies/sign-in";

    /// A tenant with an owner who has a factor, and somebody with a role who has none.
    struct House {
        test: Test,
        tenant: TestTenant,
        owner: Enrolled,
        ada: Person,
    }

    impl House {
        async fn build(clock: &Clock, role: Role) -> Self {
            let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
            let tenant = test.bench.tenant("acme").await;
            let owner = test.person(&tenant, "owner", Role::Owner).await;
            let owner = test.enrol(&of(&tenant, &owner)).await;
            let ada = test.person(&tenant, "ada", role).await;
            Self {
                test,
                tenant,
                owner,
                ada,
            }
        }

        async fn set(&self, body: Value) {
            self.owner.client.patch(PATH, "*", body).await.expect(200);
        }

        async fn sign_in(&self) -> Value {
            self.test.sign_in(&self.ada.email, PASSWORD).await.expect(200).json
        }

        async fn owes(&self, tokens: &Value) -> Vec<Owed> {
            self.test.standing(&self.test.check(tokens).await).await.unwrap().owes
        }
    }

    fn of(tenant: &TestTenant, person: &Person) -> Owner {
        Owner {
            tenant: tenant.id,
            email: person.email.clone(),
        }
    }

    #[tokio::test]
    async fn t14_who_must_have_a_factor_can_do_nothing_but_add_one() {
        let house = House::build(&Clock::system(), Role::Viewer).await;
        house.set(json!({"second_factor": "everyone"})).await;
        let tokens = house.sign_in().await;
        assert_eq!(
            (&tokens["status"], &tokens["must_enrol"]),
            (&json!("authenticated"), &json!(true))
        );
        let ada = house.test.enter(&tokens).await.unwrap();
        for path in [
            "/api/v1/projects",
            "/api/v1/me/sessions",
            "/api/v1/me/api-keys",
            "/api/v1/users",
            "/api/v1/roles",
        ] {
            let refused = ada.get(path).await.expect(403);
            assert_eq!(refused.code(), "factor_enrolment_required", "{path}");
        }
        let key = ada
            .post("/api/v1/me/api-keys", json!({"name": "way around"}))
            .await
            .expect(403);
        assert_eq!(key.code(), "factor_enrolment_required");
        assert_eq!(
            ada.get("/api/v1/me").await.expect(200).json["sign_in"]["must_enrol"],
            true
        );
        let made = ada.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
        let phone = Shared::scanned(made["secret"].as_str().unwrap());
        // A factor that was not confirmed is none.
        assert_eq!(house.owes(&tokens).await, [Owed::Factor]);
        let path = format!("/api/v1/me/mfa/totp/{}:confirm", made["factor"]["id"].as_str().unwrap());
        let code = phone.code(house.test.bench.clock.now());
        ada.post(&path, json!({"code": code})).await.expect(200);
        let ada = house.test.enter(&tokens).await.unwrap();
        ada.get("/api/v1/projects").await.expect(200);
        let next = turn_in(&house.test.client, &tokens).await.expect(200).json;
        assert_eq!(next["must_enrol"], false);
        let denied = ("project.list".to_owned(), "denied".to_owned());
        assert!(house.test.audit(&house.tenant).await.contains(&denied));
    }

    #[tokio::test]
    async fn t14_a_session_from_before_must_show_the_factor_that_came_after() {
        let clock = Clock::held_at(Clock::system().now());
        let house = House::build(&clock, Role::Viewer).await;
        let thief = house.sign_in().await;
        house.set(json!({"second_factor": "everyone"})).await;
        assert_eq!(
            house.owes(&thief).await,
            [Owed::Factor],
            "felt by sessions that are under way"
        );
        let ada = house.test.enrol(&of(&house.tenant, &house.ada)).await;
        assert_eq!(house.owes(&thief).await, [Owed::Factor], "it was not shown there");
        let client = house.test.enter(&thief).await.unwrap();
        let refused = client.post("/api/v1/me/mfa/totp", json!({})).await.expect(403);
        assert_eq!(
            refused.code(),
            "step_up_required",
            "nor does the thief add one of their own"
        );
        let password = json!({"password": PASSWORD});
        client.post("/api/v1/auth/step-up", password).await.expect(400);
        clock.advance(Duration::from_secs(30));
        let code = json!({"code": ada.phone.code(clock.now())});
        client.post("/api/v1/auth/step-up", code).await.expect(200);
        assert_eq!(house.owes(&thief).await, []);
    }

    #[tokio::test]
    async fn privileged_means_those_who_manage() {
        for (role, must) in [(Role::Viewer, false), (Role::Operator, false), (Role::Admin, true)] {
            let house = House::build(&Clock::system(), role).await;
            house.set(json!({"second_factor": "privileged"})).await;
            let tokens = house.sign_in().await;
            assert_eq!(tokens["must_enrol"], must, "{role:?}");
            assert_eq!(house.owes(&tokens).await.is_empty(), !must);
        }
    }

    #[tokio::test]
    async fn t18_nobody_shuts_themselves_out() {
        let house = House::build(&Clock::system(), Role::Owner).await;
        for rule in ["privileged", "everyone"] {
            let refused = house
                .ada
                .client
                .patch(PATH, "*", json!({"second_factor": rule}))
                .await
                .expect(409);
            assert!(
                refused.json["detail"].as_str().unwrap().contains("first add"),
                "{}",
                refused.text
            );
        }
        house
            .ada
            .client
            .patch(PATH, "*", json!({"step_up_minutes": 5}))
            .await
            .expect(200);
        house.set(json!({"second_factor": "everyone"})).await;
    }

    #[tokio::test]
    async fn the_last_factor_that_must_be_had_stays_also_when_two_go_at_once() {
        let house = House::build(&Clock::system(), Role::Viewer).await;
        house.set(json!({"second_factor": "everyone"})).await;
        let first = format!("/api/v1/me/mfa/{}", house.owner.factor);
        let client = &house.owner.client;
        let refused = client.delete(&first).await.expect(409);
        assert_eq!(refused.code(), "conflict");
        let made = client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
        let id = made["factor"]["id"].as_str().unwrap();
        let code = Shared::scanned(made["secret"].as_str().unwrap()).code(house.test.bench.clock.now());
        let path = format!("/api/v1/me/mfa/totp/{id}:confirm");
        client.post(&path, json!({"code": code})).await.expect(200);
        let second = format!("/api/v1/me/mfa/{id}");
        let both = futures::future::join(client.delete(&first), client.delete(&second)).await;
        let mut told = [both.0.status.as_u16(), both.1.status.as_u16()];
        told.sort_unstable();
        assert_eq!(told, [204, 409]);
        house.set(json!({"second_factor": "optional"})).await;
        let left = client.get("/api/v1/me/mfa").await.expect(200).json;
        let left = left["items"][0]["id"].as_str().unwrap();
        client.delete(&format!("/api/v1/me/mfa/{left}")).await.expect(204);
    }

    #[tokio::test]
    async fn sessions_under_way_end_by_the_limits_of_now() {
        let clock = Clock::held_at(Clock::system().now());
        let house = House::build(&clock, Role::Viewer).await;
        let (idle, busy) = (house.sign_in().await, house.sign_in().await);
        let claims = [house.test.check(&idle).await, house.test.check(&busy).await];
        let live = async |which: usize| house.test.standing(&claims[which]).await.unwrap().live;
        house.set(json!({"session_idle_minutes": 15, "session_hours": 1})).await;
        clock.advance(Duration::from_mins(10));
        let busy = turn_in(&house.test.client, &busy).await.expect(200).json;
        clock.advance(Duration::from_mins(6));
        assert!(!live(0).await && live(1).await);
        turn_in(&house.test.client, &idle).await.expect(401);
        let mut busy = turn_in(&house.test.client, &busy).await.expect(200).json;
        for _ in 0..4 {
            clock.advance(Duration::from_mins(10));
            busy = turn_in(&house.test.client, &busy).await.expect(200).json;
        }
        clock.advance(Duration::from_mins(4));
        assert!(!live(1).await, "an hour has passed");
        turn_in(&house.test.client, &busy).await.expect(401);
    }

    #[tokio::test]
    async fn t17_how_fresh_a_factor_must_be_follows_the_policy() {
        let clock = Clock::held_at(Clock::system().now());
        let house = House::build(&clock, Role::Viewer).await;
        let tokens = house.sign_in().await;
        house.set(json!({"step_up_minutes": 5})).await;
        let body = json!({"name": "laptop"});
        clock.advance(Duration::from_mins(6));
        let ada = house.test.enter_now(&tokens).await;
        let refused = ada.post("/api/v1/me/api-keys", body.clone()).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
        assert!(refused.header("www-authenticate").contains("max_age=\"300\""));
        house.set(json!({"step_up_minutes": 0})).await;
        let ada = house.test.enter_now(&tokens).await;
        ada.post("/api/v1/me/api-keys", body).await.expect(201);
    }

    #[tokio::test]
    async fn one_of_several_who_read_the_same_changes_it_and_a_dry_run_nothing() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let etag = owner.get(PATH).await.expect(200).header("etag").to_owned();
        let dry = owner
            .patch(&format!("{PATH}?dry_run=true"), &etag, json!({"session_hours": 8}))
            .await
            .expect(200);
        assert_eq!(dry.json["session_hours"], 8);
        let changes = (1..=12).map(|hours| owner.patch(PATH, &etag, json!({"session_hours": hours})));
        let replies = futures::future::join_all(changes).await;
        let count = |status| replies.iter().filter(|reply| reply.status == status).count();
        assert_eq!((count(200), count(412)), (1, 11), "{replies:?}");
        let log = test
            .dump("bus.outbox")
            .await
            .replace('\\', "")
            .replace("\"\"", "\"")
            .replace(' ', "");
        assert!(
            log.contains(r#""session_hours":{"before":720"#) || log.contains(r#""before":720"#),
            "{log}"
        );
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_named_and_who_may_not_is_refused() {
        let test = start().await;
        let tenant = test.bench.tenant("acme").await;
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        for (body, pointer) in [
            (json!({"step_up_minutes": -1}), "/step_up_minutes"),
            (json!({"step_up_minutes": 1441}), "/step_up_minutes"),
            (json!({"session_idle_minutes": 14}), "/session_idle_minutes"),
            (json!({"session_idle_minutes": 1441}), "/session_idle_minutes"),
            (json!({"session_hours": 721}), "/session_hours"),
            (json!({"factor_kinds": []}), "/factor_kinds"),
            (json!({"factor_kinds": ["recovery"]}), "/factor_kinds"),
            (json!({"factor_kinds": ["totp", "sms"]}), "/factor_kinds"),
            (json!({"weaker_factors": ["totp"]}), "/weaker_factors"),
            // This platform sends none.
            (json!({"weaker_factors": ["sms"]}), "/weaker_factors"),
            (json!({"second_factor": "never"}), "/second_factor"),
            (json!({"tenant_id": tenant.id}), "/tenant_id"),
        ] {
            let refused = owner.patch(PATH, "*", body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        for role in [Role::Auditor, Role::Viewer, Role::Operator] {
            let client = test.client.caller(&tenant.caller(role));
            client.patch(PATH, "*", json!({})).await.expect(403);
        }
        let stale = test.client.caller(&restless(&tenant, Role::Owner));
        let refused = stale.patch(PATH, "*", json!({})).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
    }

    #[tokio::test]
    async fn t01_a_tenants_rules_are_its_own() {
        let test = start().await;
        let (mine, theirs) = (test.bench.tenant("mine").await, test.bench.tenant("theirs").await);
        let me = test.client.caller(&mine.caller(Role::Owner));
        me.patch(PATH, "*", json!({"step_up_minutes": 7})).await.expect(200);
        let them = test.client.caller(&theirs.caller(Role::Owner));
        assert_eq!(them.get(PATH).await.expect(200).json["step_up_minutes"], 15);
    }

    #[tokio::test]
    async fn t14_weaker_factors_are_allowed_one_by_one_and_may_be_taken_back() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let tenant = sending.test.bench.tenant("acme").await;
        let owner = sending.test.client.caller(&tenant.caller(Role::Owner));
        let read = owner.get(PATH).await.expect(200).json;
        assert_eq!(
            (&read["weaker_factors"], &read["known_weaker_factors"]),
            (&json!([]), &json!(["sms", "email"]))
        );
        for wanted in [json!(["email"]), json!(["sms", "email"]), json!([])] {
            let set = owner
                .patch(PATH, "*", json!({"weaker_factors": wanted}))
                .await
                .expect(200)
                .json;
            assert_eq!(set["weaker_factors"], wanted);
            assert_eq!(set["factor_kinds"], json!(["webauthn", "totp"]), "they never count");
        }
        // Who asks for a factor must have one that counts, which a weaker one does not.
        let house = sending.sign_up("house").await;
        let ada = sending.add_phone(&house).await;
        ada.client
            .patch(PATH, "*", json!({"second_factor": "everyone"}))
            .await
            .expect(409);
    }
}
