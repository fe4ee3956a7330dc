use actix_web::post;
use actix_web::web::Data;
use auth::action::password;
use db::{Done, Outcome, Status, Subject};
use fault::FieldError;
use ids::{TenantId, UserId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, DryRun, Once, Refusals};

use super::budget;
use crate::api::factors::signed_in;
use crate::password::{NewPassword, Password, Profile, Rules, Verdict};
use crate::person::Email;
use crate::state::Identity;
use crate::store;
use crate::store::people::Secret;

/// The old password and the new one.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePassword {
    /// The present one.
    #[schema(value_type = String, format = Password, example = "correct horse battery staple", max_length = 256)]
    pub current_password: SecretString,
    /// At least 15 characters, or what the tenant's `mlps3` asks; at most 256 bytes, and not an easily guessed one.
    #[schema(value_type = String, format = Password, example = "seven lamps in the harbour", min_length = 10, max_length = 256)]
    pub new_password: SecretString,
}

/// Whose password was changed.
#[derive(Debug, Serialize, ToSchema)]
pub struct PasswordChanged {
    /// The person.
    pub user_id: UserId,
    /// How many of their other sessions ended with it.
    #[schema(example = 2)]
    pub sessions_ended: u64,
}

impl Subject for PasswordChanged {
    fn object(&self) -> String {
        format!("user:{}", self.user_id)
    }
}

/// The password, the tenant's rules for it, and the hashes of those that must not be chosen again.
async fn by_rules(
    identity: &Identity,
    tenant: TenantId,
    user: UserId,
) -> Result<(Secret, Email, Rules, Vec<String>), fault::Error> {
    // Its new password must not be made of the address.
    identity.db.keys(tenant).await?;
    let mut tx = identity.begin_sign_in().await?;
    let secret = store::people::secret(&mut tx, tenant, user).await?;
    let secret = secret.ok_or_else(|| fault::Error::not_found("person"))?;
    let email = store::people::email_at_sign_in(&mut tx, tenant, user).await?;
    let rules = store::policies::at_sign_in(&mut tx, tenant).await?.password;
    let barred = store::former_passwords::barred(&mut tx, tenant, user, &secret, &rules).await?;
    tx.commit().await?;
    Ok((secret, Email::stored(email), rules, barred))
}

/// Is this the person's password?
pub(super) async fn is_own(
    identity: &Identity,
    tenant: TenantId,
    user: UserId,
    password: &Password,
) -> Result<bool, fault::Error> {
    let turn = identity.hasher.turn()?;
    let mut tx = identity.begin_sign_in().await?;
    let kept = store::people::secret(&mut tx, tenant, user).await?;
    tx.commit().await?;
    // Whoever came by a provider has none: nothing is right, after as long.
    let verdict = turn
        .compare(password, kept.as_ref().map(|kept| kept.hash.as_str()))
        .await?;
    Ok(kept.is_some() && !matches!(verdict, Verdict::Wrong))
}

/// Changes the caller's password.
#[utoipa::path(
    operation_id = "change_password",
    tag = "auth",
    description = "The rules are the tenant's; `GET /me` names them. All other sessions of the caller end, this one stays. \
                   Asks for a factor shown of late. 429 says how long to wait after too many failures.",
    params(DryRun, Once),
    request_body(content = ChangePassword, description = "Both passwords"),
    responses((status = 200, description = "Changed", body = PasswordChanged), Refusals),
    security(("bearer" = [])),
)]
#[post("/auth/password")]
pub async fn change_password(
    ask: Change<password::Modify, ChangePassword>,
    identity: Data<Identity>,
) -> Outcome<PasswordChanged> {
    let (user, session) = signed_in(ask.caller())?;
    let (kept, email, rules, barred) = by_rules(&identity, ask.caller().tenant(), user).await?;
    let (current, new) = check(&ask.body, (&kept, &email), rules.profile)?;

    let budgets = budget::pay(&identity, ask.caller(), user).await?;
    let turn = identity.hasher.turn().map_err(fault::Error::from)?;
    let verdict = turn
        .compare(&current, Some(&kept.hash))
        .await
        .map_err(fault::Error::from)?;
    if matches!(verdict, Verdict::Wrong) {
        return Err(fault::Error::invalid("/current_password", "is not your password").into());
    }
    let turn = identity.hasher.turn().map_err(fault::Error::from)?;
    let hash = turn.hash_unlike(new, barred).await;
    let hash = hash.map_err(|error| error.at("/new_password"))?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    if !store::people::change_password(&mut tx, &tenant, user, kept.changed_at, &hash).await? {
        return Err(fault::Error::conflict("The password has just been changed elsewhere.").into());
    }
    store::former_passwords::keep(&mut tx, &tenant, user, &kept, &rules).await?;
    let ended = store::sessions::end_others(&mut tx, &tenant, user, session).await?;
    store::sessions::password_is_new(&mut tx, &tenant, session).await?;

    let changed = PasswordChanged {
        user_id: user,
        sessions_ended: ended,
    };
    let answer = tx.finish(Status::Ok, Done(changed)).await?;
    budget::refund(&identity, &budgets).await?;
    Ok(answer)
}

fn check(
    body: &ChangePassword,
    (of, email): (&Secret, &Email),
    profile: Profile,
) -> Result<(Password, NewPassword), fault::Error> {
    let at =
        |pointer: &'static str| move |refused: crate::password::Refused| FieldError::new(pointer, refused.to_string());
    let about = [email.as_str(), email.local_part(), &of.tenant];
    let current = Password::typed(&body.current_password).map_err(at("/current_password"));
    let new = NewPassword::check_by(profile, &body.new_password, &about).map_err(at("/new_password"));
    match (current, new) {
        (Ok(current), Ok(new)) if current.is(new.as_typed()) => {
            Err(fault::Error::invalid("/new_password", "is the one you have"))
        }
        (Ok(current), Ok(new)) => Ok((current, new)),
        (current, new) => {
            let complaints = [current.err(), new.err()];
            Err(fault::Error::invalid_fields(complaints.into_iter().flatten().collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::{Value, json};
    use testkit::Bench;

    use crate::testing::{PASSWORD, settings, start, start_on, turn_in};

    const PATH: &str = "/api/v1/auth/password";
    const NEW: &str = "seven lamps in the harbour";

    fn body(current: &str, new: &str) -> Value {
        json!({"current_password": current, "new_password": new})
    }

    #[tokio::test]
    async fn a_new_password_ends_all_other_sessions() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let thief = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let changed = client.post(PATH, body(PASSWORD, NEW)).await.expect(200);
        assert_eq!(changed.json["sessions_ended"], 1);
        assert!(test.enter(&thief).await.is_none());
        turn_in(&test.client, &thief).await.expect(401);
        assert!(test.enter(&tokens).await.is_some());
        turn_in(&test.client, &tokens).await.expect(200);
        test.sign_in(&owner.email, PASSWORD).await.expect(401);
        test.sign_in(&owner.email, NEW).await.expect(200);
        let log = test.bench.audit(owner.tenant).await;
        assert!(log.contains(&("password.modify".to_owned(), "success".to_owned())));
        let outbox = test.dump("bus.outbox").await;
        assert!(!outbox.contains(NEW) && !outbox.contains(PASSWORD), "t24");
    }

    #[tokio::test]
    async fn what_is_wrong_is_named_and_changes_nothing() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for (bad, pointer) in [
            (body("an entirely wrong one", NEW), "/current_password"),
            (body(PASSWORD, "short"), "/new_password"),
            (body(PASSWORD, "passwordpassword"), "/new_password"),
            (body(PASSWORD, PASSWORD), "/new_password"),
            (body(PASSWORD, &"x".repeat(257)), "/new_password"),
        ] {
            let refused = client.post(PATH, bad).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
        client
            .post(&format!("{PATH}?dry_run=true"), body(PASSWORD, NEW))
            .await
            .expect(200);
        test.sign_in(&owner.email, PASSWORD).await.expect(200);
    }

    #[tokio::test]
    async fn t14_an_old_session_must_show_its_factor_first() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        clock.advance(Duration::from_mins(15));
        let client = test.enter(&tokens).await.unwrap();
        let refused = client.post(PATH, body(PASSWORD, NEW)).await.expect(403);
        assert_eq!(refused.code(), "step_up_required");
        client
            .post("/api/v1/auth/step-up", json!({"password": PASSWORD}))
            .await
            .expect(200);
        let client = test.enter(&tokens).await.unwrap();
        client.post(PATH, body(PASSWORD, NEW)).await.expect(200);
    }

    #[tokio::test]
    async fn t11_the_present_password_cannot_be_guessed_here() {
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for _ in 0..10 {
            client.post(PATH, body("an entirely wrong one", NEW)).await.expect(400);
        }
        client.post(PATH, body(PASSWORD, NEW)).await.expect(429);
    }

    const DAY: Duration = Duration::from_hours(24);

    /// Of the form that `mlps3` asks for.
    fn mixed(number: usize) -> String {
        format!("Tz7!kWq2pv{number}")
    }

    #[tokio::test]
    async fn t14_a_password_that_has_come_of_age_is_good_for_nothing_but_another() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        test.rules(owner.tenant, "password_profile = 'mlps3'").await;
        clock.advance(DAY * 89);
        let before = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(
            before["password_expired"], false,
            "the profile's form counts from the next change"
        );
        clock.advance(DAY);
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(
            (&tokens["status"], &tokens["password_expired"]),
            (&json!("authenticated"), &json!(true))
        );
        let client = test.enter_now(&tokens).await;
        for path in [
            "/api/v1/projects",
            "/api/v1/me/mfa",
            "/api/v1/me/sessions",
            "/api/v1/policies/sign-in",
        ] {
            assert_eq!(client.get(path).await.expect(403).code(), "password_expired", "{path}");
        }
        assert_eq!(client.get("/api/v1/me").await.json["sign_in"]["password_expired"], true);
        let renewed = turn_in(&test.client, &tokens).await.expect(200).json;
        assert_eq!(renewed["password_expired"], true, "renewal does not wash it off");
        for bad in [PASSWORD, NEW, "Tz7!kWq2p", "Password1!"] {
            let refused = client.post(PATH, body(PASSWORD, bad)).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/new_password", "{bad}");
        }
        client.post(PATH, body(PASSWORD, &mixed(0))).await.expect(200);
        let client = test.enter_now(&renewed).await;
        client.get("/api/v1/projects").await.expect(200);
        assert_eq!(
            test.sign_in(&owner.email, &mixed(0)).await.json["password_expired"],
            false
        );
    }

    #[tokio::test]
    async fn the_last_five_are_not_chosen_again_and_older_ones_are_forgotten() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        test.rules(owner.tenant, "password_profile = 'mlps3'").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let mut present = PASSWORD.to_owned();
        let change = async |present: &mut String, new: String| {
            clock.advance(Duration::from_secs(1));
            let reply = client.post(PATH, body(present, &new)).await;
            if reply.status == 200 {
                *present = new;
            }
            reply
        };
        for number in 0..5 {
            change(&mut present, mixed(number)).await.expect(200);
        }
        for number in 0..5 {
            let again = change(&mut present, mixed(number)).await.expect(400);
            assert_eq!(again.json["errors"][0]["pointer"], "/new_password", "{number}");
        }
        let kept = test.dump("identity.password_history").await;
        assert_eq!(kept.lines().count(), 4, "{kept}");
        assert!(kept.lines().all(|line| line.contains("$argon2id$")) && !kept.contains("kWq2pv"));
        change(&mut present, mixed(5)).await.expect(200);
        change(&mut present, mixed(0)).await.expect(200);
        test.rules(owner.tenant, "password_profile = 'nist'").await;
        change(&mut present, NEW.to_owned()).await.expect(200);
        assert_eq!(
            test.dump("identity.password_history").await,
            "",
            "kept only where it is asked for"
        );
    }

    #[tokio::test]
    async fn one_of_two_simultaneous_changes_is_made() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let changes = (0..6).map(|i| client.post(PATH, body(PASSWORD, &format!("{NEW} {i}"))));
        let replies = futures::future::join_all(changes).await;
        assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
        test.client.post(PATH, body(PASSWORD, NEW)).await.expect(401);
    }
}
