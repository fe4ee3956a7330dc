mod admit;

use actix_web::post;
use actix_web::web::{Data, Json};
use auth::Action;
use auth::action::session;
use db::{AuditEvent, AuditOutcome, SystemTx};
use fault::FieldError;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use web::{Open, Origin, Refusals};

use self::admit::{Found, admit};
use super::begin::begin;
use super::newcomer::{self, Newcomer};
use super::{MfaRequired, SignInAnswer, record_refusal};
use crate::guess;
use crate::password::{Password, Verdict};
use crate::person::Email;
use crate::project::Name;
use crate::refresh::RefreshToken;
use crate::session::Session;
use crate::signin::challenge::Challenge;
use crate::signin::{Due, Event, State};
use crate::state::Identity;
use crate::store;
use crate::store::people::Candidate;

/// Who wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The e-mail address.
    #[schema(example = "ada@example.com", format = "email", max_length = 254)]
    pub email: String,
    /// The password.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", max_length = 256)]
    pub password: SecretString,
    /// The tenant's name. Needed only if the address belongs to people of several tenants.
    #[schema(example = "acme", max_length = 63)]
    pub tenant: Option<String>,
}

/// A sign-in, checked.
struct Attempt<'a> {
    email: Email,
    password: Password,
    tenant: Option<Name>,
    network: String,
    origin: &'a Origin,
}

impl<'a> Attempt<'a> {
    fn check(ask: &'a Open<Login>) -> Result<Self, fault::Error> {
        let field = |pointer: &str| {
            let pointer = pointer.to_owned();
            move |error: FieldError| fault::Error::invalid_fields(vec![FieldError { pointer, ..error }])
        };
        Ok(Self {
            email: Email::check("/email", &ask.body.email).map_err(field("/email"))?,
            password: Password::typed(&ask.body.password)
                .map_err(|refused| fault::Error::invalid("/password", refused.to_string()))?,
            tenant: ask
                .body
                .tenant
                .as_deref()
                .map(Name::check)
                .transpose()
                .map_err(field("/tenant"))?,
            network: guess::network(ask.origin.address),
            origin: &ask.origin,
        })
    }
}

/// Signs in with e-mail address and password.
#[utoipa::path(
    operation_id = "sign_in",
    tag = "auth",
    description = "Gives an access token of five minutes and a refresh token; or, to somebody who has a second factor, a \
                   challenge to be sent with a code of theirs to `/auth/mfa/…` within five minutes, from the same \
                   address. Whatever is wrong, the answer is the same 401, and 429 says how long to \
                   wait after too many failures.",
    request_body(content = Login, description = "Who signs in"),
    responses((status = 200, description = "Signed in, or half of it", body = SignInAnswer), Refusals),
    security(()),
)]
#[post("/auth/login")]
pub async fn sign_in(ask: Open<Login>, identity: Data<Identity>) -> Result<Json<SignInAnswer>, fault::Error> {
    let attempt = Attempt::check(&ask)?;

    let turn = identity.hasher.turn()?;
    let found = admit(&identity, &attempt).await?;
    let verdict = turn.compare(&attempt.password, found.hash()).await?;

    match settle(&identity, &attempt, found, verdict).await? {
        Settled::In(session, token) => {
            let tokens = identity.hand_out(&session, &token).await?;
            Ok(Json(SignInAnswer::Authenticated(tokens.into_inner())))
        }
        Settled::Half(answer) => Ok(Json(SignInAnswer::MfaRequired(answer))),
    }
}

/// How far a right password leads.
enum Settled {
    In(Box<Session>, RefreshToken),
    Half(MfaRequired),
}

/// Moves the sign-in as far as the password leads; the log is told in the same commit.
async fn settle(
    identity: &Identity,
    attempt: &Attempt<'_>,
    found: Found,
    verdict: Verdict,
) -> Result<Settled, fault::Error> {
    // Only behind a right password: what is done for known and unknown addresses is the same until then.
    if let (Some(candidate), Verdict::Right | Verdict::Outgrown(_)) = (&found.candidate, &verdict) {
        identity.at_the_door(candidate.tenant).await?;
    }
    let mut tx = identity.begin_sign_in().await?;
    let right = match (&found.candidate, &verdict) {
        (None, _) => Err("unknown_account"),
        (Some(_), Verdict::Wrong) => Err("wrong_password"),
        // The password was right a moment ago. Is it still, and is its person still welcome?
        (Some(candidate), _) if store::people::still_stands(&mut tx, candidate).await? => Ok(candidate),
        (Some(_), _) => Err("disabled_or_changed"),
    };
    let now = tx.now();
    let shown = Event::Password { right: right.is_ok() };
    let state = State::Nobody.next(shown, now).map_err(fault::Error::internal)?;
    let candidate = match right {
        Ok(candidate) => candidate,
        Err(code) => {
            let what = (found.object(), code);
            record_refusal(&mut tx, found.tenant, attempt.origin, session::Create::INFO, what)?;
            tx.commit().await?;
            let detail =
                "Address or password is wrong, or the address is used in several tenants and `tenant` is missing.";
            return Err(fault::Error::unauthenticated(detail));
        }
    };
    if let Verdict::Outgrown(hash) = &verdict {
        store::people::replace_hash(&mut tx, candidate, hash).await?;
    }
    let who = Newcomer::lookup(&mut tx, (candidate.tenant, candidate.user)).await?;
    let state = state.next(who.found(), now).map_err(fault::Error::internal)?;
    let settled = match state {
        State::Authenticated(methods) | State::Enrolling(methods) => {
            let (session, token) = begin(&mut tx, identity, attempt.origin, &who, &methods).await?;
            Settled::In(Box::new(session), token)
        }
        State::Due(due) => Settled::Half(challenge(&mut tx, attempt, candidate, &due).await?),
        State::Nobody | State::Known(_) | State::Over => return Err(fault::Error::internal("a sign-in went astray")),
    };
    store::guesses::give_back(&mut tx, identity.lookup.held()?, &found.budgets).await?;
    tx.commit().await?;
    Ok(settled)
}

async fn challenge(
    tx: &mut SystemTx,
    attempt: &Attempt<'_>,
    of: &Candidate,
    due: &Due,
) -> Result<MfaRequired, fault::Error> {
    let challenge = Challenge::make(of.tenant);
    store::challenges::insert(tx, &challenge, of, &attempt.network, due.until).await?;

    let caller = newcomer::caller(attempt.origin, (of.tenant, of.user));
    let (action, object) = (session::Challenge::INFO.name, format!("user:{}", of.user));
    let success = AuditOutcome::Success;
    tx.record(
        of.tenant,
        &AuditEvent::of(&caller, tx.now(), action, object, success, json!({})),
    )?;
    Ok(MfaRequired::of(&challenge, due))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use auth::PLATFORM;
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::guess::{Limit, Limits};
    use crate::password::Cost;
    use crate::settings::Settings;
    use crate::testing::{PASSWORD, settings, start, start_on, try_sign_in};

    const WRONG: &str = "an entirely wrong one";

    fn address(last: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(198, 51, 100, last))
    }

    #[tokio::test]
    async fn the_right_password_gives_tokens_of_the_documented_shape() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in("ADA@acme.example", PASSWORD).await.expect(200).json;
        assert_eq!(
            (&tokens["status"], &tokens["token_type"]),
            (&json!("authenticated"), &json!("Bearer"))
        );
        assert_eq!(tokens["expires_in"], 300);
        let claims = test.check(&tokens).await;
        assert_eq!((claims.tenant, claims.exp - claims.iat), (owner.tenant, 300));
        let log = test.bench.audit(owner.tenant).await;
        assert_eq!(
            log.last().unwrap(),
            &("session.create".to_owned(), "success".to_owned())
        );
    }

    #[tokio::test]
    async fn t11_whatever_is_wrong_reads_the_same() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let wrong = test.sign_in(&owner.email, WRONG).await.expect(401);
        let unknown = test.sign_in("nobody@acme.example", PASSWORD).await.expect(401);
        assert_eq!(wrong.without_request(), unknown.without_request());
        let named = |tenant: &str| json!({"email": owner.email, "password": PASSWORD, "tenant": tenant});
        let elsewhere = test
            .client
            .post("/api/v1/auth/login", named("nowhere"))
            .await
            .expect(401);
        assert_eq!(wrong.without_request(), elsewhere.without_request());
        test.client.post("/api/v1/auth/login", named("acme")).await.expect(200);
    }

    #[tokio::test]
    async fn the_tenant_is_needed_only_where_the_address_is_in_several() {
        let test = start().await;
        for tenant in ["one", "two"] {
            let body = json!({"tenant": {"name": tenant}, "user": {"email": "ada@example.com", "password": PASSWORD}});
            test.client.post("/api/v1/auth/signup", body).await.expect(201);
        }
        let refused = test.sign_in("ada@example.com", PASSWORD).await.expect(401);
        let unknown = test.sign_in("nobody@example.com", PASSWORD).await.expect(401);
        assert_eq!(
            refused.without_request(),
            unknown.without_request(),
            "t11: tells nobody that there are several"
        );
        let body = json!({"email": "ada@example.com", "password": PASSWORD, "tenant": "two"});
        test.client.post("/api/v1/auth/login", body).await.expect(200);
    }

    #[tokio::test]
    async fn failures_are_in_the_log_of_whom_they_concern() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        test.sign_in(&owner.email, WRONG).await.expect(401);
        let denied = ("session.create".to_owned(), "denied".to_owned());
        assert_eq!(test.bench.audit(owner.tenant).await.last(), Some(&denied));
        assert_eq!(
            test.bench
                .audit(PLATFORM)
                .await
                .iter()
                .filter(|entry| **entry == denied)
                .count(),
            0
        );
        test.sign_in("nobody@acme.example", WRONG).await.expect(401);
        assert_eq!(
            test.bench
                .audit(PLATFORM)
                .await
                .iter()
                .filter(|entry| **entry == denied)
                .count(),
            1
        );
        assert!(
            !test.dump("bus.outbox").await.contains("nobody@acme"),
            "who is nobody here stays unnamed"
        );
    }

    #[tokio::test]
    async fn bad_bodies_are_refused_before_anything_is_spent() {
        let test = start().await;
        let long = "x".repeat(257);
        for (body, pointer) in [
            (json!({"email": "no", "password": "x"}), "/email"),
            (json!({"email": "a@b.cd", "password": long}), "/password"),
            (json!({"email": "a@b.cd", "password": "x", "tenant": "No"}), "/tenant"),
            (json!({"email": "a@b.cd", "password": "x", "role": "owner"}), "/role"),
        ] {
            let refused = test.client.post("/api/v1/auth/login", body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        assert_eq!(test.dump("identity.guesses").await, "");
    }

    #[tokio::test]
    async fn t20_the_same_guess_is_counted_under_keys_that_no_other_platform_could_make() {
        let counted = async || {
            let test = start().await;
            test.sign_in("ada@acme.example", WRONG).await.expect(401);
            let mut tx = test.bench.superuser().await;
            let keys = sqlx::query_scalar("select key from identity.guesses");
            let keys: Vec<Vec<u8>> = keys.fetch_all(&mut tx).await.unwrap();
            HashSet::<Vec<u8>>::from_iter(keys)
        };
        let (here, there) = (counted().await, counted().await);
        assert!(here.len() == 3 && there.len() == 3 && here.is_disjoint(&there));
    }

    #[tokio::test]
    async fn who_is_disabled_cannot_sign_in_and_is_told_nothing_else() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let wrong = test.sign_in(&owner.email, WRONG).await.expect(401);
        test.disable(&owner).await;
        let refused = test.sign_in(&owner.email, PASSWORD).await.expect(401);
        assert_eq!(refused.without_request(), wrong.without_request());
    }

    #[tokio::test]
    async fn a_hash_grows_with_the_cost_at_the_next_sign_in() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        assert!(test.dump("identity.passwords").await.contains("m=64,"));
        let dearer = Settings {
            password: Cost {
                memory_kib: 128,
                ..settings().password
            },
            ..settings()
        };
        let test = start_on(test.bench, &dearer).await;
        test.sign_in(&owner.email, WRONG).await.expect(401);
        assert!(
            test.dump("identity.passwords").await.contains("m=64,"),
            "a wrong password changes nothing"
        );
        let all = (0..8).map(|_| test.sign_in(&owner.email, PASSWORD));
        // Whoever is second finds that the hash has changed under its hands, and the password has not.
        for reply in futures::future::join_all(all).await {
            assert!(reply.status == 200, "{}", reply.text);
        }
        assert!(test.dump("identity.passwords").await.contains("m=128,"));
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
    }

    #[tokio::test]
    async fn t11_guesses_run_out_even_across_a_restart_and_come_back() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        for _ in 0..5 {
            test.sign_in(&owner.email, WRONG).await.expect(401);
        }
        let test = start_on(test.bench, &settings()).await;
        for _ in 5..10 {
            test.sign_in(&owner.email, WRONG).await.expect(401);
        }
        let refused = test.sign_in(&owner.email, PASSWORD).await.expect(429);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=11).contains(&wait), "{wait}");
        clock.advance(Duration::from_secs(wait));
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
    }

    #[tokio::test]
    async fn t11_people_who_do_not_exist_run_out_of_guesses_too() {
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let mut last = Vec::new();
        for email in [owner.email.as_str(), "nobody@acme.example"] {
            for _ in 0..10 {
                test.sign_in(email, WRONG).await.expect(401);
            }
            last.push(test.sign_in(email, WRONG).await.expect(429).without_request());
        }
        assert_eq!(last[0], last[1]);
    }

    #[tokio::test]
    async fn t11_simultaneous_guesses_are_counted_one_by_one() {
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tries = (0..40).map(|_| test.sign_in(&owner.email, WRONG));
        let replies = futures::future::join_all(tries).await;
        // The queue before the hasher may be full for some; those have spent nothing.
        let looked_at = replies.iter().filter(|reply| reply.status == 401).count();
        assert!(looked_at <= 10, "{looked_at}");
        assert!(replies.iter().all(|reply| reply.status == 401 || reply.status == 429));
        let exhausted = ("session.create".to_owned(), "denied".to_owned());
        let told = test
            .bench
            .audit(owner.tenant)
            .await
            .iter()
            .filter(|entry| **entry == exhausted)
            .count();
        assert_eq!(told, looked_at + 1, "each failure, and once that there were too many");
    }

    #[tokio::test]
    async fn t12_two_hundred_bad_tries_do_not_keep_the_owner_out() {
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
        // One attacker spends his own pair's budget, so even a new place stays open.
        for _ in 0..200 {
            let reply = try_sign_in(&test.client.at(address(66)), &owner.email, WRONG).await;
            assert!(reply.status == 401 || reply.status == 429);
        }
        try_sign_in(&test.client.at(address(1)), &owner.email, PASSWORD)
            .await
            .expect(200);
        // Twenty attackers spend what strangers share; from a known place the owner still comes in.
        for attacker in 100..120 {
            for _ in 0..10 {
                try_sign_in(&test.client.at(address(attacker)), &owner.email, WRONG).await;
            }
        }
        try_sign_in(&test.client.at(address(99)), &owner.email, PASSWORD)
            .await
            .expect(429);
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
        try_sign_in(&test.client.at(address(1)), &owner.email, PASSWORD)
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn t11_one_address_cannot_spray_over_many_accounts() {
        let limit = Limit {
            burst: 5,
            refill_seconds: 60,
        };
        let few = Settings {
            guesses: Limits {
                address: limit,
                ..Limits::default()
            },
            ..settings()
        };
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &few).await;
        for person in 0..5 {
            test.sign_in(&format!("p{person}@acme.example"), WRONG)
                .await
                .expect(401);
        }
        test.sign_in("p5@acme.example", WRONG).await.expect(429);
        let elsewhere = test.client.at(address(1));
        try_sign_in(&elsewhere, "p5@acme.example", WRONG).await.expect(401);
    }
}
