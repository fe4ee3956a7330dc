use actix_web::post;
use actix_web::web::Data;
use auth::action::factor;
use db::Outcome;
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Change, Once, Refusals};

use super::{EnrolledSent, enrol};
use crate::api::codes::must_be_sendable;
use crate::api::factors::signed_in;
use crate::factor::{Kind, Name};
use crate::state::Identity;

/// A mailbox to be a weaker factor: the one that the account has.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolEmail {
    /// What its holder calls it; `Mail`, unless said otherwise.
    #[serde(default = "usual")]
    #[schema(example = "Mail", min_length = 1, max_length = 100)]
    pub name: String,
}

fn usual() -> String {
    "Mail".to_owned()
}

/// Makes the caller's mailbox a weaker second factor.
#[utoipa::path(
    operation_id = "enrol_email_factor",
    tag = "auth",
    description = "Sends a code to the account's address, and to no other; the factor counts once `:confirm` has it. Codes by \
                   mail are weaker: who reads the letters chooses passwords as well. They are for tenants that allow them, \
                   and never count where a second factor is asked for. Asks for a factor shown of late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; no code is sent"),
        Once,
    ),
    request_body(content = EnrolEmail, description = "The mailbox"),
    responses((status = 201, description = "To be confirmed", body = EnrolledSent), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/email")]
pub async fn enrol_email_factor(
    ask: Change<factor::Create, EnrolEmail>,
    identity: Data<Identity>,
) -> Outcome<EnrolledSent> {
    let name = Name::check("/name", &ask.body.name).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    let (user, _) = signed_in(ask.caller())?;
    must_be_sendable(&identity, Kind::Email)?;

    enrol(&ask, &identity, user, (None, &name)).await
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clock::Clock;
    use serde_json::json;

    use crate::testing::codes::{Sending, wrong};

    const PATH: &str = "/api/v1/me/mfa/email";

    #[tokio::test]
    async fn t14_a_letter_goes_to_the_accounts_own_address_alone() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let owner = sending.sign_up("acme").await;
        let client = sending.enter(&owner).await;
        let refused = client
            .post(PATH, json!({"email": "eve@evil.example"}))
            .await
            .expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], "/email");
        let made = client.post(PATH, json!({})).await.expect(201).json;
        assert_eq!(made["sent_to"], "a…@acme.example");
        assert_eq!(made["factor"]["name"], "Mail");
        sending.mailed(&owner.email, 1).await;
        let letters = sending.letters.wait(1).await;
        assert!(letters.iter().all(|letter| letter.to == owner.email));
    }

    #[tokio::test]
    async fn t14_a_first_code_is_for_its_own_factor_five_tries_and_ten_minutes() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let (owner, other) = (sending.sign_up("acme").await, sending.sign_up("evil").await);
        let (ada, eve) = (sending.enter(&owner).await, sending.enter(&other).await);
        let begin = async |many: usize| {
            let made = ada.post(PATH, json!({})).await.expect(201).json;
            let path = format!("{PATH}/{}:confirm", made["factor"]["id"].as_str().unwrap());
            (path, sending.mailed(&owner.email, many).await.pop().unwrap())
        };
        let (first, old) = begin(1).await;
        let (second, code) = begin(2).await;
        // The one that was never confirmed is gone with its code.
        ada.post(&first, json!({"code": old})).await.expect(404);
        ada.post(&second, json!({"code": old})).await.expect(400);
        // T01: another's factor is as one that does not exist, and costs its owner no try.
        for _ in 0..6 {
            eve.post(&second, json!({"code": code})).await.expect(404);
        }
        let by_sms = second.replace("/email/", "/sms/");
        ada.post(&by_sms, json!({"code": code})).await.expect(404);
        for _ in 0..3 {
            ada.post(&second, json!({"code": wrong(&code)})).await.expect(400);
        }
        ada.post(&second, json!({"code": code})).await.expect(400);
        let (late, code) = begin(3).await;
        clock.advance(Duration::from_mins(10));
        ada.post(&late, json!({"code": code})).await.expect(400);
        let (fresh, code) = begin(4).await;
        let confirmed = ada.post(&fresh, json!({"code": code})).await.expect(200).json;
        assert_eq!(confirmed["recovery_codes"].as_array().unwrap().len(), 10);
        ada.post(&fresh, json!({"code": code})).await.expect(409);
    }
}
