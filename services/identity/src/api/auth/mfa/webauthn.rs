pub mod begin;

use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::{Shown, finish};
use crate::api::auth::SignedIn;
use crate::api::auth::passkey::Answer;
use crate::api::webauthn::Assertion;
use crate::state::Identity;

/// A passkey for a challenge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowWebauthn {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
    /// What came with the question.
    #[schema(value_type = String, example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn", max_length = 128)]
    pub ceremony: SecretString,
    /// What the device answered.
    pub credential: Assertion,
}

/// Finishes a sign-in with a passkey or hardware key.
#[utoipa::path(
    operation_id = "sign_in_with_webauthn",
    tag = "auth",
    description = "The second half of a sign-in that answered `mfa_required`: what the device answered to the question of \
                   `/auth/mfa/webauthn:begin`. Each question is good for one answer, and counts among the five that a \
                   challenge takes. A key whose signature counter goes back is refused: there is a copy of it.",
    request_body(content = ShowWebauthn, description = "Challenge, ceremony and answer"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/webauthn")]
pub async fn sign_in_with_webauthn(
    ask: Open<ShowWebauthn>,
    identity: Data<Identity>,
) -> Result<Json<SignedIn>, fault::Error> {
    let answer = Answer::check("/credential", &ask.body.ceremony, &ask.body.credential)?;
    let shown = Shown::Webauthn(Box::new(answer));

    finish(&identity, &ask.origin, &ask.body.challenge, &shown).await
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;

    use crate::testing::{RACES, start, start_patient};

    #[tokio::test]
    async fn a_person_with_a_passkey_signs_in_by_both() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let mut ada = test.add_passkey(&owner).await;
        let challenge = test.challenge(&owner).await;
        let (ceremony, options) = test.ask_as_second(&challenge).await;
        assert_eq!(options["allowCredentials"].as_array().unwrap().len(), 1);
        let credential = ada.device.show(&options);
        let tokens = test.show_key(&challenge, &ceremony, &credential).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated");
        assert!(test.dump("identity.sessions").await.contains("{pwd,pop}"));
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        assert!(mine["items"][0]["used_at"].is_string(), "{mine}");
        // A written code stands in for it, and a challenge that was used asks for nothing any more.
        let next = test.challenge(&owner).await;
        test.show("recovery", &next, &ada.codes[0]).await.expect(200);
        let body = json!({"challenge": next});
        test.client
            .post("/api/v1/auth/mfa/webauthn:begin", body)
            .await
            .expect(401);
    }

    #[tokio::test]
    async fn t13_a_passkeys_answer_is_single_use() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let mut ada = test.add_passkey(&owner).await;
        for round in 0..RACES {
            let challenge = test.challenge(&owner).await;
            let (ceremony, options) = test.ask_as_second(&challenge).await;
            let credential = ada.device.show(&options);
            let race = (0..50).map(|_| test.show_key(&challenge, &ceremony, &credential));
            let replies = join_all(race).await;
            let wins = replies.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(wins, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));
        }
    }

    #[tokio::test]
    async fn t13_a_counter_that_goes_back_is_refused_and_recorded() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let mut ada = test.add_passkey(&owner).await;
        let challenge = test.challenge(&owner).await;
        let (ceremony, options) = test.ask_as_second(&challenge).await;
        ada.device.counter = 40;
        let credential = ada.device.show(&options);
        test.show_key(&challenge, &ceremony, &credential).await.expect(200);
        // The copy has not counted as far.
        ada.device.counter = 20;
        let challenge = test.challenge(&owner).await;
        let (ceremony, options) = test.ask_as_second(&challenge).await;
        let credential = ada.device.show(&options);
        test.show_key(&challenge, &ceremony, &credential).await.expect(401);
        assert!(test.dump("bus.outbox").await.contains("counter_went_back"));
        // Two questions that were asked before either was answered: the second answer must have counted further.
        let (one, other) = (test.challenge(&owner).await, test.challenge(&owner).await);
        let (first, second) = (test.ask_as_second(&one).await, test.ask_as_second(&other).await);
        ada.device.counter = 50;
        let credential = ada.device.show(&first.1);
        test.show_key(&one, &first.0, &credential).await.expect(200);
        ada.device.counter = 50;
        let credential = ada.device.show(&second.1);
        test.show_key(&other, &second.0, &credential).await.expect(401);
    }

    #[tokio::test]
    async fn t14_a_question_answers_its_own_challenge_and_no_other() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (mut ada, mut eve) = (test.add_passkey(&owner).await, test.add_passkey(&other).await);
        let challenge = test.challenge(&owner).await;
        // Asked at the door, asked for another challenge, never asked, answered by another's key.
        let door = test.ask_at_the_door().await;
        let another = test.ask_as_second(&test.challenge(&owner).await).await;
        for (ceremony, options) in [door, another] {
            let credential = ada.device.show(&options);
            test.show_key(&challenge, &ceremony, &credential).await.expect(401);
        }
        let (ceremony, options) = test.ask_as_second(&challenge).await;
        let credential = ada.device.show(&options);
        test.show_key(&challenge, &json!("ywc_x"), &credential)
            .await
            .expect(401);
        test.show_key(&challenge, &ceremony, &eve.device.show(&options))
            .await
            .expect(401);
        // That was the question's one answer.
        test.show_key(&challenge, &ceremony, &credential).await.expect(401);
        // And five wrong ones are the end of the challenge.
        let body = json!({"challenge": challenge});
        test.client
            .post("/api/v1/auth/mfa/webauthn:begin", body)
            .await
            .expect(401);
        // Who has no passkey is not asked for one.
        let theirs = test.sign_up("plain").await;
        test.enrol(&theirs).await;
        let body = json!({"challenge": test.challenge(&theirs).await});
        test.client
            .post("/api/v1/auth/mfa/webauthn:begin", body)
            .await
            .expect(401);
    }
}
