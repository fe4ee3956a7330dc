pub mod send;

use actix_web::post;
use actix_web::web::{Data, Json};
use web::{Open, Refusals};

use super::sent::ShowSent;
use super::{Shown, finish};
use crate::api::auth::SignedIn;
use crate::factor::Kind;
use crate::state::Identity;

/// Finishes a sign-in with a code that came by SMS.
#[utoipa::path(
    operation_id = "sign_in_with_sms",
    tag = "auth",
    description = "The second half of a sign-in that answered `mfa_required`, with the code that `/auth/mfa/sms:send` had sent \
                   for it: good once, for ten minutes, for this sign-in alone. A weaker factor: of whoever has a stronger one \
                   it opens nothing that asks for a factor shown of late. Five wrong codes end the sign-in.",
    request_body(content = ShowSent, description = "Challenge and code"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/sms")]
pub async fn sign_in_with_sms(ask: Open<ShowSent>, identity: Data<Identity>) -> Result<Json<SignedIn>, fault::Error> {
    let shown = Shown::sent(Kind::Sms, "/code", &ask.body.code)?;

    finish(&identity, &ask.origin, &ask.body.challenge, &shown).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;

    use crate::testing::PASSWORD;
    use crate::testing::codes::{PHONE, Sending, wrong};

    fn held() -> Clock {
        // Tokens are checked by the clock of the machine, and come from no later than now.
        Clock::held_at(Clock::system().now() - Duration::from_mins(1))
    }

    #[tokio::test]
    async fn a_person_with_a_telephone_signs_in_by_password_and_code() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        let ada = sending.add_phone(&owner).await;
        assert_eq!(ada.codes.len(), 10);

        let half = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(half["methods"], json!(["recovery", "sms"]));
        assert_eq!(half["weaker"], json!(["sms"]));
        // Signing in alone sends nothing: who guesses at passwords floods nobody.
        assert_eq!(sending.carrier.taken().len(), 1);
        let challenge = half["challenge"].as_str().unwrap();
        let sent = sending.send("sms", challenge).await.expect(200).json;
        assert_eq!(sent["sent_to"], "+49…78");
        let code = sending.texted(2).await.remove(1);
        let tokens = test.show("sms", challenge, &code).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated");
        assert!(test.dump("identity.sessions").await.contains("{pwd,sms}"));
        assert_eq!(test.dump("identity.sent_codes").await, "");
        test.show("sms", challenge, &code).await.expect(401);
        let log = test.dump("bus.outbox").await;
        assert!(!log.contains(&code) && !log.contains(PHONE), "t24");
    }

    #[tokio::test]
    async fn t13_a_code_by_sms_is_single_use() {
        let sending = Sending::start(&held()).await;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        for round in 0..3 {
            let (challenge, code) = sending.half(&owner).await;
            let race = (0..50).map(|_| sending.test.show("sms", &challenge, &code));
            let replies = join_all(race).await;
            let wins = replies.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(wins, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));
        }
    }

    #[tokio::test]
    async fn t14_a_code_is_for_one_challenge_one_person_and_ten_minutes() {
        let clock = held();
        let sending = Sending::start(&clock).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        let (challenge, code) = sending.half(&owner).await;
        // Another challenge of the same person, with a code of its own and without one.
        let other = test.challenge(&owner).await;
        test.show("sms", &other, &code).await.expect(401);
        // Another way: it is no code by mail, and no authenticator's.
        test.show("email", &challenge, &code).await.expect(401);
        test.show("totp", &challenge, &code).await.expect(400);
        // The challenge waits as long as the code is good, which is longer than it waits by itself.
        clock.advance(Duration::from_mins(9));
        test.show("sms", &challenge, &wrong(&code)).await.expect(401);
        test.show("sms", &challenge, &code).await.expect(200);
        let (late, code) = sending.half(&owner).await;
        clock.advance(Duration::from_mins(10));
        test.show("sms", &late, &code).await.expect(401);
        sending.send("sms", &late).await.expect(401);
    }

    #[tokio::test]
    async fn t01_a_code_of_another_person_opens_nothing() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let (owner, other) = (sending.sign_up("acme").await, sending.sign_up("evil").await);
        sending.add_phone(&owner).await;
        sending.add_mailbox(&other).await;
        let (_, code) = sending.half(&owner).await;
        let theirs = test.challenge(&other).await;
        sending.send("email", &theirs).await.expect(200);
        let hers = sending.mailed(&other.email, 2).await.remove(1);
        for code in [&code, &wrong(&hers)] {
            test.show("email", &theirs, code).await.expect(401);
        }
        test.show("sms", &theirs, &code).await.expect(401);
        test.show("email", &theirs, &hers).await.expect(200);
    }

    #[tokio::test]
    async fn t13_a_new_code_takes_the_place_of_the_old_one_three_times() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        let (challenge, first) = sending.half(&owner).await;
        sending.send("sms", &challenge).await.expect(200);
        let second = sending.texted(3).await.remove(2);
        test.show("sms", &challenge, &first).await.expect(401);
        let again = join_all((0..5).map(|_| sending.send("sms", &challenge))).await;
        let sent = again.iter().filter(|reply| reply.status == 200).count();
        assert_eq!(sent, 1, "t14: the third is the last");
        assert!(again.iter().all(|reply| reply.status == 200 || reply.status == 409));
        let third = sending.texted(4).await.remove(3);
        test.show("sms", &challenge, &second).await.expect(401);
        test.show("sms", &challenge, &third).await.expect(200);
    }

    #[tokio::test]
    async fn t11_five_wrong_codes_end_the_sign_in() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        let (challenge, code) = sending.half(&owner).await;
        for _ in 0..5 {
            test.show("sms", &challenge, &wrong(&code)).await.expect(401);
        }
        test.show("sms", &challenge, &code).await.expect(401);
        sending.send("sms", &challenge).await.expect(401);
    }

    #[tokio::test]
    async fn t11_messages_to_one_number_run_out_and_strangers_do_not_spend_its_holders() {
        let clock = held();
        let sending = Sending::start(&clock).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        // Another account is no way around: the number is the same.
        for stranger in 0..5 {
            let other = sending.sign_up(&format!("pump-{stranger}")).await;
            let client = sending.enter(&other).await;
            let body = json!({"phone": "+49 151 1234 5678"});
            let status = if stranger < 4 { 201 } else { 429 };
            client.post("/api/v1/me/mfa/sms", body).await.expect(status);
        }
        // And it keeps nobody out whose number it is.
        for _ in 0..2 {
            let challenge = test.challenge(&owner).await;
            for _ in 0..2 {
                sending.send("sms", &challenge).await.expect(200);
            }
        }
        let refused = sending.send("sms", &test.challenge(&owner).await).await.expect(429);
        let wait: u64 = refused.header("retry-after").parse().unwrap();
        assert!((1..=17_281).contains(&wait), "{wait}");
        assert_eq!(sending.texted(9).await.len(), 9);
        let denied = ("session.create".to_owned(), "denied".to_owned());
        assert!(test.bench.audit(owner.tenant).await.contains(&denied));
        clock.advance(Duration::from_secs(wait));
        sending.send("sms", &test.challenge(&owner).await).await.expect(200);
    }

    #[tokio::test]
    async fn t14_what_a_telephone_opens_is_less_than_what_a_stronger_factor_does() {
        let clock = held();
        let sending = Sending::start(&clock).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        let made = ada
            .client
            .post("/api/v1/me/mfa/sms", json!({"phone": PHONE}))
            .await
            .expect(201)
            .json;
        let path = format!("/api/v1/me/mfa/sms/{}:confirm", made["factor"]["id"].as_str().unwrap());
        let code = sending.texted(1).await.remove(0);
        ada.client.post(&path, json!({"code": code})).await.expect(200);
        // Beside a stronger one it changes nothing in sessions that have shown that one.
        ada.client
            .post("/api/v1/me/mfa/totp?dry_run=true", json!({}))
            .await
            .expect(200);

        let (challenge, code) = sending.half(&owner).await;
        let tokens = test.show("sms", &challenge, &code).await.expect(200).json;
        let standing = test.standing(&test.check(&tokens).await).await.unwrap();
        assert_eq!(standing.factor_at, None, "no proof of late");
        let thief = test.enter_now(&tokens).await;
        let gone = thief
            .delete(&format!("/api/v1/me/mfa/{}", ada.factor))
            .await
            .expect(403);
        assert_eq!(gone.code(), "step_up_required");
        let refused = thief
            .post("/api/v1/auth/step-up:send", json!({"kind": "sms"}))
            .await
            .expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/kind");
        thief
            .post("/api/v1/auth/step-up", json!({"password": PASSWORD}))
            .await
            .expect(400);
        let refused = thief
            .post("/api/v1/auth/step-up", json!({"sent_code": code}))
            .await
            .expect(400);
        assert!(refused.text.contains("stronger"), "{}", refused.text);
        clock.advance(Duration::from_secs(30));
        let right = json!({"code": ada.phone.code(clock.now())});
        thief.post("/api/v1/auth/step-up", right).await.expect(200);
    }

    #[tokio::test]
    async fn t14_a_tenant_that_asks_for_a_factor_gets_a_stronger_one() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        sending.add_phone(&owner).await;
        test.rules(owner.tenant, "second_factor = 'everyone'").await;
        let (challenge, code) = sending.half(&owner).await;
        let tokens = test.show("sms", &challenge, &code).await.expect(200).json;
        assert_eq!(tokens["must_enrol"], true);
        let client = test.enter_now(&tokens).await;
        let refused = client.get("/api/v1/projects").await.expect(403);
        assert_eq!(refused.code(), "factor_enrolment_required");
        let refused = client
            .post("/api/v1/auth/step-up:send", json!({"kind": "sms"}))
            .await
            .expect(400);
        assert!(refused.text.contains("tenant asks"), "{}", refused.text);
        client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201);
    }

    #[tokio::test]
    async fn what_the_tenant_takes_back_is_neither_asked_for_nor_taken() {
        let sending = Sending::start(&held()).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        let ada = sending.add_phone(&owner).await;
        let (challenge, code) = sending.half(&owner).await;
        test.rules(owner.tenant, "weaker_factors = '{email}'").await;
        test.show("sms", &challenge, &code).await.expect(401);
        sending.send("sms", &challenge).await.expect(401);
        sending.enter(&owner).await;
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        assert_eq!(mine["weaker_kinds"], json!(["email"]));
        assert_eq!(mine["items"][0]["strength"], "weaker");
    }
}
