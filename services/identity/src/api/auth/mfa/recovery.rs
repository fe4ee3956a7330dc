use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};

use super::{Shown, finish};
use crate::api::auth::SignedIn;
use crate::state::Identity;

/// A recovery code for a challenge.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowRecovery {
    /// The challenge that came with the right password.
    #[schema(value_type = String, example = "ysc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGisW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW0", max_length = 256)]
    pub challenge: SecretString,
    /// One of the codes that were written down.
    #[schema(value_type = String, example = "7k3m-9qxd-0f2h-vw8c-1n5t-rj6b", max_length = 128)]
    pub code: SecretString,
}

/// Finishes a sign-in with a recovery code.
#[utoipa::path(
    operation_id = "sign_in_with_recovery_code",
    tag = "auth",
    description = "The second half of a sign-in that answered `mfa_required`, for the day the other factor is lost. Each code \
                   is good once.",
    request_body(content = ShowRecovery, description = "Challenge and code"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/mfa/recovery")]
pub async fn sign_in_with_recovery_code(
    ask: Open<ShowRecovery>,
    identity: Data<Identity>,
) -> Result<Json<SignedIn>, fault::Error> {
    let shown = Shown::recovery("/code", &ask.body.code)?;

    finish(&identity, &ask.origin, &ask.body.challenge, &shown).await
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;

    use crate::testing::{PASSWORD, start_patient};

    #[tokio::test]
    async fn a_written_code_signs_in_once() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        assert_eq!(ada.codes.len(), 10);
        let challenge = test.challenge(&owner).await;
        test.show("recovery", &challenge, &ada.codes[0].to_uppercase())
            .await
            .expect(200);
        assert!(test.dump("identity.sessions").await.contains("{pwd,recovery}"));
        let challenge = test.challenge(&owner).await;
        test.show("recovery", &challenge, &ada.codes[0]).await.expect(401);
        let left = ada.client.get("/api/v1/me/mfa").await.expect(200);
        assert_eq!(left.json["recovery_codes_left"], 9);
        test.show("recovery", &challenge, "123456").await.expect(400);
    }

    #[tokio::test]
    async fn t13_a_recovery_code_is_single_use() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        for (round, code) in ada.codes.iter().enumerate().take(4) {
            let mut challenges = Vec::new();
            for _ in 0..10 {
                challenges.push(test.challenge(&owner).await);
            }
            let race = (0..50).map(|at| test.show("recovery", &challenges[at % 10], code));
            let replies = join_all(race).await;
            let wins = replies.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(wins, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));
        }
    }

    #[tokio::test]
    async fn the_last_code_is_not_offered_any_more() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let ada = test.enrol(&owner).await;
        for code in &ada.codes {
            test.show("recovery", &test.challenge(&owner).await, code)
                .await
                .expect(200);
        }
        let half = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(half["methods"], json!(["totp"]));
    }

    #[tokio::test]
    async fn t01_a_code_is_no_good_for_another_person() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (ada, _) = (test.enrol(&owner).await, test.enrol(&other).await);
        let theirs = test.challenge(&other).await;
        test.show("recovery", &theirs, &ada.codes[0]).await.expect(401);
        test.show("recovery", &test.challenge(&owner).await, &ada.codes[0])
            .await
            .expect(200);
    }
}
