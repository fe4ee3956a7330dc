use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::{Shown, finish};
use crate::api::auth::SignedIn;
use crate::state::Identity;

/// An authenticator's code for a challenge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowTotp {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
    /// The six digits that the authenticator shows.
    #[schema(value_type = String, example = "287082", max_length = 64)]
    pub code: SecretString,
}

/// Finishes a sign-in with an authenticator's code.
#[utoipa::path(
    operation_id = "sign_in_with_totp",
    tag = "auth",
    description = "The second half of a sign-in that answered `mfa_required`. A code is good once, and for half a minute \
                   before and after its own. Five wrong codes end the sign-in.",
    request_body(content = ShowTotp, description = "Challenge and code"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/totp")]
pub async fn sign_in_with_totp(ask: Open<ShowTotp>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let shown = Shown::totp("/code", &ask.body.code)?;

    finish(&identity, &ask.origin, &ask.body.challenge, &shown).await
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::{PASSWORD, settings, start, start_on, start_patient};

    const STEP: Duration = Duration::from_secs(30);

    fn held() -> Clock {
        Clock::held_at(Clock::system().now())
    }

    #[tokio::test]
    async fn a_person_with_a_factor_signs_in_by_both() {
        // Tokens are checked by the clock of the machine, and come from no later than now.
        let clock = Clock::held_at(Clock::system().now() - STEP);
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(STEP);

        let half = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(half["status"], "mfa_required");
        assert_eq!(half["methods"], json!(["totp", "recovery"]));
        assert!(half.get("access_token").is_none() && half.get("refresh_token").is_none());
        let challenge = half["challenge"].as_str().unwrap();
        let tokens = test
            .show("totp", challenge, &ada.phone.code(clock.now()))
            .await
            .expect(200)
            .json;
        assert_eq!(tokens["status"], "authenticated");
        let standing = test.standing(&test.check(&tokens).await).await.unwrap();
        assert_eq!(standing.factor_at, Some(clock.now()));
        assert!(test.dump("identity.sessions").await.contains("{pwd,otp}"));
        let log = test.bench.audit(owner.tenant).await;
        let names: Vec<_> = log.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.ends_with(&["session.challenge", "session.create"]), "{names:?}");
    }

    #[tokio::test]
    async fn t13_totp_is_single_use() {
        let clock = held();
        let test = start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        for round in 0..4 {
            clock.advance(STEP);
            let code = ada.phone.code(clock.now());
            let challenges = join_all((0..50).map(|_| test.sign_in(&owner.email, PASSWORD))).await;
            // The queue before the hasher may be full for some.
            let challenges: Vec<_> = challenges
                .iter()
                .filter(|reply| reply.status == 200)
                .map(|reply| reply.json["challenge"].as_str().unwrap().to_owned())
                .collect();
            assert!(challenges.len() > 10, "{}", challenges.len());
            let race = (0..50).map(|at| test.show("totp", &challenges[at % challenges.len()], &code));
            let replies = join_all(race).await;
            let wins = replies.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(wins, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));
        }
    }

    #[tokio::test]
    async fn t13_a_used_code_stays_used_in_every_spelling_and_for_every_clock() {
        let clock = held();
        let test = start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(STEP);
        let code = ada.phone.code(clock.now());
        test.show("totp", &test.challenge(&owner).await, &code)
            .await
            .expect(200);
        let spaced = format!("{} {}", &code[..3], &code[3..]);
        let wide: String = code
            .chars()
            .map(|digit| char::from_u32(u32::from(digit) - 48 + 0xff10).unwrap())
            .collect();
        for spelling in [&code, &spaced, &wide] {
            let challenge = test.challenge(&owner).await;
            test.show("totp", &challenge, spelling).await.expect(401);
        }
        // Before it, and in the next step, though both lie in the window.
        let earlier = ada.phone.code(clock.now() - STEP);
        test.show("totp", &test.challenge(&owner).await, &earlier)
            .await
            .expect(401);
        clock.advance(STEP);
        test.show("totp", &test.challenge(&owner).await, &code)
            .await
            .expect(401);
        let next = ada.phone.code(clock.now());
        test.show("totp", &test.challenge(&owner).await, &next)
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn t14_a_challenge_ends_with_its_use_its_minutes_or_its_fifth_wrong_code() {
        let clock = held();
        let test = start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(STEP);

        let used = test.challenge(&owner).await;
        test.show("totp", &used, &ada.phone.code(clock.now())).await.expect(200);
        clock.advance(STEP);
        let first = test.show("totp", &used, &ada.phone.code(clock.now())).await.expect(401);

        let tried = test.challenge(&owner).await;
        let wrong = ada.phone.code(clock.now() + 100 * STEP);
        for _ in 0..5 {
            test.show("totp", &tried, &wrong).await.expect(401);
        }
        let second = test
            .show("totp", &tried, &ada.phone.code(clock.now()))
            .await
            .expect(401);
        assert_eq!(first.without_request(), second.without_request());

        let late = test.challenge(&owner).await;
        clock.advance(Duration::from_mins(5));
        test.show("totp", &late, &ada.phone.code(clock.now())).await.expect(401);
        let fresh = test.challenge(&owner).await;
        test.show("totp", &fresh, &ada.phone.code(clock.now()))
            .await
            .expect(200);
    }

    #[tokio::test]
    async fn t14_nothing_stands_in_for_the_challenge() {
        let clock = held();
        let test = start_patient(&clock).await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (ada, eve) = (test.enrol(&owner).await, test.enrol(&other).await);
        clock.advance(STEP);
        let (challenge, theirs) = (test.challenge(&owner).await, test.challenge(&other).await);
        let code = ada.phone.code(clock.now());
        let mut bent = challenge.clone();
        bent.replace_range(bent.len() - 1.., if bent.ends_with('A') { "Q" } else { "A" });
        for bad in ["", "ysc_", "x", &bent, &challenge[4..]] {
            test.show("totp", bad, &code).await.expect(401);
        }
        test.show("totp", &theirs, &code).await.expect(401);
        test.show("totp", &challenge, &eve.phone.code(clock.now()))
            .await
            .expect(401);
        let body = json!({"challenge": challenge, "code": code});
        let elsewhere = test.client.at(IpAddr::from([198, 51, 100, 9]));
        elsewhere.post("/api/v1/auth/mfa/totp", body.clone()).await.expect(401);
        test.client.post("/api/v1/auth/mfa/totp", body).await.expect(200);
        for (body, pointer) in [
            (json!({"challenge": challenge, "code": "12345"}), "/code"),
            (json!({"challenge": challenge, "code": "123456", "user": "x"}), "/user"),
        ] {
            let refused = test.client.post("/api/v1/auth/mfa/totp", body).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], pointer, "{}", refused.text);
        }
    }

    #[tokio::test]
    async fn t14_a_challenge_dies_with_its_password_and_its_person() {
        let clock = held();
        let test = start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(STEP);
        let challenge = test.challenge(&owner).await;
        let body = json!({"current_password": PASSWORD, "new_password": "seven lamps in the harbour"});
        ada.client.post("/api/v1/auth/password", body).await.expect(200);
        let code = ada.phone.code(clock.now());
        test.show("totp", &challenge, &code).await.expect(401);
        let again = test
            .sign_in(&owner.email, "seven lamps in the harbour")
            .await
            .expect(200);
        test.disable(&owner).await;
        let challenge = again.json["challenge"].as_str().unwrap();
        test.show("totp", challenge, &code).await.expect(401);
    }

    #[tokio::test]
    async fn t11_codes_run_out_over_all_challenges_and_come_back() {
        let clock = held();
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        clock.advance(STEP);
        let wrong = ada.phone.code(clock.now() + 100 * STEP);
        for _ in 0..2 {
            let challenge = test.challenge(&owner).await;
            for _ in 0..5 {
                test.show("totp", &challenge, &wrong).await.expect(401);
            }
        }
        let challenge = test.challenge(&owner).await;
        let refused = test
            .show("totp", &challenge, &ada.phone.code(clock.now()))
            .await
            .expect(429);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=121).contains(&wait), "{wait}");
        clock.advance(Duration::from_secs(wait));
        let code = ada.phone.code(clock.now());
        test.show("totp", &challenge, &code).await.expect(200);
    }

    #[tokio::test]
    async fn t24_neither_secret_nor_code_nor_challenge_is_in_the_database() {
        let clock = held();
        let test = start_patient(&clock).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        let challenge = test.challenge(&owner).await;
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
        };
        let mut secrets = vec![ada.phone.typed(), challenge, hex(ada.phone.typed().as_bytes())];
        secrets.extend(ada.codes.iter().cloned());
        secrets.extend(ada.codes.iter().map(|code| code.replace('-', "")));
        for table in [
            "identity.factors",
            "identity.recovery_codes",
            "identity.challenges",
            "identity.replies",
            "bus.outbox",
        ] {
            let dump = test.dump(table).await;
            assert!(secrets.iter().all(|secret| !dump.contains(secret)), "{table}: {dump}");
        }
    }

    #[tokio::test]
    async fn who_has_no_factor_signs_in_by_password_alone() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        // One that was never confirmed counts for nothing.
        client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201);
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated");
        assert!(test.dump("identity.sessions").await.contains("{pwd}"));
    }
}
