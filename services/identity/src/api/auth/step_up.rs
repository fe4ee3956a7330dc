pub mod begin;
pub mod send;
mod weaker;

use actix_web::post;
use actix_web::web::Data;
use auth::Action;
use auth::action::session;
use chrono::{DateTime, Utc};
use db::{AuditEvent, AuditOutcome, Done, Outcome, Status, Subject};
use ids::SessionId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::budget;
use super::mfa::{Shown, factor_of};
use super::passkey::Answer;
use super::password::is_own;
use crate::api::codes::typed;
use crate::api::factors::signed_in;
use crate::api::webauthn::Assertion;
use crate::factor::Factor;
use crate::factor::passkey::Refused;
use crate::factor::passkey::ceremony::Ceremony;
use crate::factor::sent::Code;
use crate::password::Password;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// What the caller shows again: one of these, and of the strongest kind they have.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    /// The password, from whoever has no second factor.
    #[schema(value_type = Option<String>, format = Password, example = "correct horse battery staple", max_length = 256)]
    pub password: Option<SecretString>,
    /// The six digits that the authenticator shows.
    #[schema(value_type = Option<String>, example = "287082", max_length = 64)]
    pub code: Option<SecretString>,
    /// One of the codes that were written down.
    #[schema(value_type = Option<String>, example = "7k3m-9qxd-0f2h-vw8c-1n5t-rj6b", max_length = 128)]
    pub recovery_code: Option<SecretString>,
    /// The eight digits that `/auth/step-up:send` had sent, from whoever has nothing stronger and need not have it.
    #[schema(value_type = Option<String>, example = "31415926", max_length = 64)]
    pub sent_code: Option<SecretString>,
    /// What the device answered to the question of `/auth/step-up:begin`.
    pub passkey: Option<StepUpPasskey>,
}

/// A passkey, shown again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUpPasskey {
    /// What came with the question.
    #[schema(value_type = String, example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn", max_length = 128)]
    pub ceremony: SecretString,
    /// What the device answered.
    pub credential: Assertion,
}

/// A session whose factor was shown anew.
#[derive(Debug, Serialize, ToSchema)]
pub struct SteppedUp {
    /// The session.
    pub session_id: SessionId,
    /// When the factor was shown: now.
    pub factor_at: DateTime<Utc>,
}

impl Subject for SteppedUp {
    fn object(&self) -> String {
        format!("session:{}", self.session_id)
    }
}

enum Proof {
    Password(Password),
    Code(Shown),
    Sent(Code),
}

impl Proof {
    fn check(body: &StepUp) -> Result<Self, fault::Error> {
        let shown = (
            &body.password,
            &body.code,
            &body.recovery_code,
            &body.sent_code,
            &body.passkey,
        );
        match shown {
            (Some(password), None, None, None, None) => Password::typed(password)
                .map(Self::Password)
                .map_err(|refused| fault::Error::invalid("/password", refused.to_string())),
            (None, Some(code), None, None, None) => Shown::totp("/code", code).map(Self::Code),
            (None, None, Some(code), None, None) => Shown::recovery("/recovery_code", code).map(Self::Code),
            (None, None, None, Some(code), None) => typed("/sent_code", code).map(Self::Sent),
            (None, None, None, None, Some(shown)) => {
                let answer = Answer::check("/passkey/credential", &shown.ceremony, &shown.credential)?;
                Ok(Self::Code(Shown::Webauthn(Box::new(answer))))
            }
            _ => Err(fault::Error::invalid(
                "",
                "must have exactly one of `password`, `code`, `recovery_code`, `sent_code` and `passkey`",
            )),
        }
    }
}

fn wrong(pointer: &str) -> fault::Error {
    fault::Error::invalid(pointer, "is not right, or was used before")
}

/// Shows a factor again, for what asks for one shown of late.
#[utoipa::path(
    operation_id = "step_up",
    tag = "auth",
    description = "What was refused with `step_up_required` may be repeated within five seconds. Who has a second factor has \
                   to show it: a password is not enough then, nor is a code that was sent for whoever has a stronger one. 429 \
                   says how long to wait after too many failures.",
    params(DryRun, Once),
    request_body(content = StepUp, description = "What is shown"),
    responses((status = 200, description = "Shown", body = SteppedUp), Refusals),
    security(("bearer" = [])),
)]
#[post("/auth/step-up")]
pub async fn step_up(ask: Change<session::StepUp, StepUp>, identity: Data<Identity>) -> Outcome<SteppedUp> {
    let (user, session) = signed_in(ask.caller())?;
    let proof = Proof::check(&ask.body)?;
    let budgets = budget::pay(&identity, ask.caller(), user).await?;
    // Hashing takes long, so it comes before the transaction. Its answer counts only for whom it is enough.
    let right = match &proof {
        Proof::Password(password) => is_own(&identity, ask.caller().tenant(), user, password).await?,
        Proof::Code(_) | Proof::Sent(_) => false,
    };
    let sent = match &proof {
        Proof::Sent(code) => weaker::pay(&identity, ask.caller(), (user, session), code).await?,
        Proof::Password(_) | Proof::Code(_) => None,
    };

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let mut factors = store::factors::list(&mut tx, &tenant, user).await?;
    let policy = store::policies::lookup(&mut tx).await?;
    factors.retain(|factor| factor.confirmed_at.is_some() && policy.allows(factor.kind));

    let method = match &proof {
        Proof::Password(_) if !factors.is_empty() => {
            let detail = "is not enough: you have a second factor, so show a code of it";
            return Err(fault::Error::invalid("/password", detail).into());
        }
        Proof::Password(_) if right => Method::Password,
        Proof::Password(_) => return Err(wrong("/password").into()),
        Proof::Code(shown) => {
            spend(&mut tx, &identity, (&factors, session), shown).await?;
            Method::Factor(shown.kind())
        }
        Proof::Sent(_) => weaker::spend(&mut tx, (user, &policy), &factors, sent.as_ref()).await?,
    };
    let factor_at = tx.now();
    if !store::sessions::show(&mut tx, &tenant, session, method).await? {
        return Err(fault::Error::not_found("session").into());
    }

    let shown = SteppedUp {
        session_id: session,
        factor_at,
    };
    let answer = tx.finish(Status::Ok, Done(shown)).await?;
    budget::refund(&identity, &budgets).await?;
    Ok(answer)
}

/// Spends a code of the caller's own.
async fn spend(
    tx: &mut db::Change<session::StepUp>,
    identity: &Identity,
    (factors, session): (&[Factor], SessionId),
    shown: &Shown,
) -> Result<(), fault::Error> {
    let tenant = tx.tenant()?;
    let user = factors.first().map(|factor| factor.user);
    match (shown, user) {
        (Shown::Webauthn(answer), Some(user)) => {
            let asked = match store::ceremonies::take_with(tx, &identity.kek, answer.token).await? {
                Some(Ceremony::StepUp { session: of, asked }) if of == session => asked,
                _ => return Err(wrong("/passkey/ceremony")),
            };
            let key = store::passkeys::claim_own(tx, &tenant, user, answer.key()).await?;
            let key = key.ok_or_else(|| wrong("/passkey/credential"))?;
            match answer.judge((identity, tx.keys()?), &key, asked)? {
                Ok(sealed) => Ok(store::passkeys::keep_own(tx, &tenant, &key, &sealed).await?),
                Err(refused) => {
                    if matches!(refused, Refused::Counter) {
                        tell_of_a_copy(identity, tx.caller(), &refused).await?;
                    }
                    Err(fault::Error::invalid("/passkey/credential", refused.to_string()))
                }
            }
        }
        (Shown::Totp(code), Some(_)) => {
            let (factor, step) = factor_of(tx.keys()?, tx.now(), factors, code)?.ok_or_else(|| wrong("/code"))?;
            let spent = store::factors::spend(tx, &tenant, factor, step).await?;
            spent.then_some(()).ok_or_else(|| wrong("/code"))
        }
        (Shown::Recovery(code), Some(user)) => {
            let spent = store::recovery_codes::spend(tx, &tenant, user, code).await?;
            spent.then_some(()).ok_or_else(|| wrong("/recovery_code"))
        }
        (Shown::Webauthn(_), None) => Err(wrong("/passkey/credential")),
        (Shown::Totp(_), None) => Err(wrong("/code")),
        (Shown::Recovery(_), None) => Err(wrong("/recovery_code")),
        (Shown::Sent(..), _) => Err(wrong("/sent_code")),
    }
}

/// The refusal itself is recorded as any caller's is, and says no more than that it was one.
async fn tell_of_a_copy(identity: &Identity, caller: &auth::Caller, refused: &Refused) -> Result<(), fault::Error> {
    let mut tx = identity.begin_sign_in().await?;
    let object = caller.user().map_or_else(String::new, |user| format!("user:{user}"));
    let (action, changes) = (session::StepUp::INFO.name, json!({"code": refused.code()}));
    let entry = AuditEvent::of(caller, tx.now(), action, object, AuditOutcome::Denied, changes);
    tx.record(caller.tenant(), &entry)?;
    Ok(tx.commit().await?)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use auth::Role;
    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::{Bench, Reply};

    use crate::testing::{PASSWORD, Test, settings, start, start_on};

    const PATH: &str = "/api/v1/auth/step-up";

    async fn guarded(test: &Test, tokens: &Value) -> Reply {
        let client = test.enter(tokens).await.unwrap();
        client.post("/api/v1/me/mfa/totp?dry_run=true", json!({})).await
    }

    #[tokio::test]
    async fn a_password_is_enough_for_whoever_has_nothing_else() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        guarded(&test, &tokens).await.expect(200);
        clock.advance(Duration::from_mins(15));
        assert_eq!(guarded(&test, &tokens).await.expect(403).code(), "step_up_required");

        let client = test.enter(&tokens).await.unwrap();
        let wrong = client
            .post(PATH, json!({"password": "an entirely wrong one"}))
            .await
            .expect(400);
        assert_eq!(wrong.json["errors"][0]["pointer"], "/password");
        guarded(&test, &tokens).await.expect(403);
        let dry = format!("{PATH}?dry_run=true");
        client.post(&dry, json!({"password": PASSWORD})).await.expect(200);
        guarded(&test, &tokens).await.expect(403);
        client.post(PATH, json!({"password": PASSWORD})).await.expect(200);
        guarded(&test, &tokens).await.expect(200);
        let log = test.bench.audit(owner.tenant).await;
        assert!(log.contains(&("session.step_up".to_owned(), "success".to_owned())));
        assert!(log.contains(&("session.step_up".to_owned(), "failed".to_owned())));
    }

    #[tokio::test]
    async fn t14_who_has_a_factor_must_show_it() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let desk = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = test.enrol(&owner).await;
        clock.advance(Duration::from_secs(30));
        let client = test.enter(&desk).await.unwrap();
        client.post(PATH, json!({"password": PASSWORD})).await.expect(400);
        guarded(&test, &desk).await.expect(403);
        let code = json!({"code": ada.phone.code(clock.now())});
        client.post(PATH, code.clone()).await.expect(200);
        guarded(&test, &desk).await.expect(200);
        // T13: and no code twice, not even where it was good.
        client.post(PATH, code).await.expect(400);
        let written = json!({"recovery_code": ada.codes[3]});
        client.post(PATH, written.clone()).await.expect(200);
        client.post(PATH, written).await.expect(400);
        assert!(test.dump("identity.sessions").await.contains("{pwd,otp,recovery}"));
    }

    #[tokio::test]
    async fn t13_fifty_equal_codes_step_up_one_session() {
        let clock = Clock::held_at(Clock::system().now());
        let test = crate::testing::start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(Duration::from_secs(30));
        let code = json!({"code": ada.phone.code(clock.now())});
        let race = (0..50).map(|_| ada.client.post(PATH, code.clone()));
        let replies = futures::future::join_all(race).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    }

    #[tokio::test]
    async fn a_lost_answer_is_asked_for_again_with_the_same_key() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(Duration::from_secs(30));
        let code = json!({"code": ada.phone.code(clock.now())});
        let first = ada.client.post_once(PATH, "one", code.clone()).await.expect(200);
        let again = ada.client.post_once(PATH, "one", code).await.expect(200);
        assert_eq!(first.text, again.text);
    }

    #[tokio::test]
    async fn t11_guesses_run_out_here_too() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for _ in 0..10 {
            client.post(PATH, json!({"password": "wrong"})).await.expect(400);
        }
        client.post(PATH, json!({"password": PASSWORD})).await.expect(429);
        clock.advance(Duration::from_secs(121));
        client.post(PATH, json!({"password": PASSWORD})).await.expect(200);
    }

    #[tokio::test]
    async fn exactly_one_proof_and_only_in_a_session() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for bad in [
            json!({}),
            json!({"password": PASSWORD, "code": "123456"}),
            json!({"code": "1234567"}),
            json!({"code": "123456"}),
            json!({"recovery_code": "0000-0000-0000-0000-0000-0000"}),
        ] {
            client.post(PATH, bad).await.expect(400);
        }
        let tenant = test.bench.tenant("other").await;
        let keyless = test.client.caller(&tenant.caller(Role::Owner));
        keyless.post(PATH, json!({"password": PASSWORD})).await.expect(404);
        test.client.post(PATH, json!({"password": PASSWORD})).await.expect(401);
    }

    async fn asked(client: &testkit::Client) -> Value {
        client
            .post("/api/v1/auth/step-up:begin", json!({}))
            .await
            .expect(200)
            .json
    }

    fn shown(asked: &Value, credential: &Value) -> Value {
        json!({"passkey": {"ceremony": asked["ceremony"], "credential": credential}})
    }

    #[tokio::test]
    async fn t14_a_passkey_is_shown_again_once_in_its_own_session() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let desk = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let mut ada = test.add_passkey(&owner).await;
        guarded(&test, &desk).await.expect(403);
        let client = test.enter(&desk).await.unwrap();
        client.post(PATH, json!({"password": PASSWORD})).await.expect(400);
        // What another session was asked, and what was asked at the door, is no answer here.
        let other = asked(&ada.client).await;
        let refused = client.post(PATH, shown(&other, &ada.device.show(&other["public_key"])));
        assert_eq!(
            refused.await.expect(400).json["errors"][0]["pointer"],
            "/passkey/ceremony"
        );
        let (ceremony, options) = test.ask_at_the_door().await;
        let door = json!({"passkey": {"ceremony": ceremony, "credential": ada.device.show(&options)}});
        client.post(PATH, door).await.expect(400);
        guarded(&test, &desk).await.expect(403);

        let question = asked(&client).await;
        let body = shown(&question, &ada.device.show(&question["public_key"]));
        client.post(PATH, body.clone()).await.expect(200);
        guarded(&test, &desk).await.expect(200);
        client.post(PATH, body).await.expect(400);
        assert!(test.dump("identity.sessions").await.contains("{pwd,pop}"));

        let question = asked(&client).await;
        ada.device.counter = 1;
        let copy = shown(&question, &ada.device.show(&question["public_key"]));
        client.post(PATH, copy).await.expect(400);
        assert!(test.dump("bus.outbox").await.contains("counter_went_back"));
    }

    #[tokio::test]
    async fn who_has_no_passkey_is_not_asked_for_one() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        ada.client
            .post("/api/v1/auth/step-up:begin", json!({}))
            .await
            .expect(409);
    }
}
