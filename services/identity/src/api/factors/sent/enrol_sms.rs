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
use crate::factor::sent::Phone;
use crate::factor::{Kind, Name};
use crate::state::Identity;

/// A telephone to be a weaker factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnrolSms {
    /// Its number with the country in front (ITU-T E.164).
    #[schema(example = "+4915112345678", min_length = 9, max_length = 64)]
    pub phone: String,
    /// What its holder calls it; `Telephone`, unless said otherwise.
    #[serde(default = "usual")]
    #[schema(example = "Telephone", min_length = 1, max_length = 100)]
    pub name: String,
}

fn usual() -> String {
    "Telephone".to_owned()
}

/// Makes a telephone a weaker second factor of the caller's.
#[utoipa::path(
    operation_id = "enrol_sms_factor",
    tag = "auth",
    description = "Sends a code to the number; the factor counts once `:confirm` has it. Codes by SMS are weaker: messages are \
                   read on the way and numbers are moved to other cards (NIST SP 800-63B restricts them). They are for \
                   tenants that allow them, and never count where a second factor is asked for. Asks for a factor shown of \
                   late.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; no code is sent"),
        Once,
    ),
    request_body(content = EnrolSms, description = "The telephone"),
    responses((status = 201, description = "To be confirmed", body = EnrolledSent), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/sms")]
pub async fn enrol_sms_factor(
    ask: Change<factor::Create, EnrolSms>,
    identity: Data<Identity>,
) -> Outcome<EnrolledSent> {
    let phone = Phone::check("/phone", &ask.body.phone);
    let name = Name::check("/name", &ask.body.name);
    let (phone, name) = match (phone, name) {
        (Ok(phone), Ok(name)) => (phone, name),
        (phone, name) => {
            let wrong = phone.err().into_iter().chain(name.err()).collect();
            return Err(fault::Error::invalid_fields(wrong).into());
        }
    };
    let (user, _) = signed_in(ask.caller())?;
    must_be_sendable(&identity, Kind::Sms)?;
    if !identity.texter.serves(&phone) {
        let detail = "is in a country that this platform sends nothing to";
        return Err(fault::Error::invalid("/phone", detail).into());
    }

    enrol(&ask, &identity, user, (Some(phone), &name)).await
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use serde_json::json;

    use crate::sms::SmsSettings;
    use crate::testing::codes::{PHONE, Sending};
    use crate::testing::{PASSWORD, settings, start, start_on};

    const PATH: &str = "/api/v1/me/mfa/sms";

    #[tokio::test]
    async fn a_number_counts_once_its_code_came_back_and_is_shown_to_nobody() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let test = &sending.test;
        let owner = sending.sign_up("acme").await;
        let client = sending.enter(&owner).await;
        client
            .post(&format!("{PATH}?dry_run=true"), json!({"phone": PHONE}))
            .await
            .expect(200);
        assert!(sending.carrier.taken().is_empty(), "a dry run sends nothing");
        let made = client
            .post(PATH, json!({"phone": "+49 (151) 1234-5678", "name": "Red"}))
            .await
            .expect(201)
            .json;
        assert_eq!(
            (&made["sent_to"], &made["factor"]["confirmed"]),
            (&json!("+49…78"), &json!(false))
        );
        assert_eq!(made["factor"]["strength"], "weaker");
        // Until then it is no factor.
        sending.enter(&owner).await;
        sending.texted(1).await;
        let ada = sending.add_phone(&owner).await;
        ada.client.post(PATH, json!({"phone": PHONE})).await.expect(409);
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        assert_eq!(mine["items"].as_array().unwrap().len(), 1, "{mine}");
        assert_eq!(mine["items"][0]["sent_to"], "+49…78");
        let one = ada
            .client
            .get(&format!("/api/v1/me/mfa/{}", ada.factor))
            .await
            .expect(200)
            .json;
        assert_eq!(one["sent_to"], "+49…78");
        for table in test.tables().await {
            let dump = test.dump(&table).await;
            assert!(!dump.contains("151123") && !dump.contains("+49…78"), "{table}: {dump}");
        }
        let held = ada.client.get("/api/v1/me/export").await.expect(200).json;
        assert_eq!(held["held"]["phone_numbers"], json!([PHONE]));
    }

    #[tokio::test]
    async fn t14_neither_tenant_nor_platform_has_them_unless_it_says_so() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let owner = sending.test.sign_up("strict").await;
        let client = sending.enter(&owner).await;
        let before = sending.test.dump("identity.guesses").await;
        for path in [PATH, "/api/v1/me/mfa/email"] {
            let body = if path == PATH {
                json!({"phone": PHONE})
            } else {
                json!({})
            };
            let refused = client.post(path, body).await.expect(409);
            assert!(refused.text.contains("does not allow"), "{}", refused.text);
        }
        assert_eq!(
            sending.test.dump("identity.guesses").await,
            before,
            "t11: it cost nothing"
        );
        let test = start().await;
        let owner = test.sign_up("acme").await;
        test.rules(owner.tenant, "weaker_factors = '{sms,email}'").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        let refused = client.post(PATH, json!({"phone": PHONE})).await.expect(409);
        assert!(refused.text.contains("identity.sms"), "{}", refused.text);
        let mine = client.get("/api/v1/me/mfa").await.expect(200).json;
        assert_eq!(mine["weaker_kinds"], json!([]));
    }

    #[tokio::test]
    async fn numbers_without_country_and_of_countries_not_served_are_refused() {
        let sending = Sending::start(&Clock::held_at(Clock::system().now())).await;
        let sms = SmsSettings {
            prefixes: vec!["+49".to_owned()],
            ..sending.carrier.settings()
        };
        let settings = crate::settings::Settings { sms, ..settings() };
        let test = start_on(testkit::Bench::new().await, &settings).await;
        let owner = test.sign_up("acme").await;
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = test.enter(&tokens).await.unwrap();
        for (bad, at) in [
            (json!({"phone": "015112345678"}), "/phone"),
            (json!({"phone": "+881633000000"}), "/phone"),
            (json!({"phone": PHONE, "name": ""}), "/name"),
            (json!({"phone": PHONE, "user_id": "x"}), "/user_id"),
        ] {
            let refused = client.post(PATH, bad).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], at, "{}", refused.text);
        }
        assert!(sending.carrier.taken().is_empty());
    }
}
