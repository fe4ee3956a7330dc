use actix_web::post;
use actix_web::web::Data;
use auth::action::factor;
use db::{Created, Outcome, Status, Subject};
use ids::FactorId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use web::{Change, Refusals};

use super::begin::room_for_one_more;
use crate::api::factors::{FactorView, codes_for_the_first, signed_in};
use crate::api::webauthn::NewCredential;
use crate::factor::passkey::ceremony::Ceremony;
use crate::factor::recovery::Code;
use crate::factor::{Kind, Name, passkey};
use crate::once::digest;
use crate::signin::Method;
use crate::state::Identity;
use crate::store;

/// What the caller's device answered.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmWebauthn {
    /// What came with the question.
    #[schema(value_type = String, example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn", max_length = 128)]
    pub ceremony: SecretString,
    /// What its holder calls it; `Passkey`, unless said otherwise.
    #[serde(default = "usual")]
    #[schema(example = "Laptop", min_length = 1, max_length = 100)]
    pub name: String,
    /// The key.
    pub credential: NewCredential,
}

fn usual() -> String {
    "Passkey".to_owned()
}

/// A passkey that counts, and the codes for the day it is lost. They are shown this once.
#[derive(Serialize, ToSchema)]
pub struct ConfirmedWebauthn {
    /// The factor.
    pub factor: FactorView,
    /// Ten recovery codes, each good once, to be written down. Secrets. None if the caller has some from before.
    #[schema(example = json!(["7k3m-9qxd-0f2h-vw8c-1n5t-rj6b"]))]
    pub recovery_codes: Vec<String>,
}

impl Subject for ConfirmedWebauthn {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.factor.object()
    }

    fn record(&self) -> serde_json::Value {
        self.factor.record()
    }
}

/// Adds a passkey or hardware key with what the device answered.
#[utoipa::path(
    operation_id = "confirm_webauthn",
    tag = "auth",
    description = "From now on it is a second factor of the caller's, and signs in alone where the device finds it by itself. \
                   With a first factor come ten recovery codes, shown this once. Other sessions of the caller have to show \
                   a factor before they may do what asks for one.",
    params(
        ("dry_run" = Option<bool>, Query, description = "Only say what would happen; the codes shown then are nobody's"),
        ("Idempotency-Key" = Option<String>, Header, description = "A repeat gets 409: secrets are not shown twice"),
    ),
    request_body(content = ConfirmWebauthn, description = "The answer"),
    responses((status = 201, description = "Added", body = ConfirmedWebauthn), Refusals),
    security(("bearer" = [])),
)]
#[post("/me/mfa/webauthn:confirm")]
pub async fn confirm_webauthn(
    ask: Change<factor::Modify, ConfirmWebauthn>,
    identity: Data<Identity>,
) -> Outcome<ConfirmedWebauthn> {
    let (user, session) = signed_in(ask.caller())?;
    let party = identity.relying_party()?;
    let name = Name::check("/name", &ask.body.name).map_err(|error| fault::Error::invalid_fields(vec![error]))?;
    let answer = ask.body.credential.checked("/credential")?;
    let token = digest(ask.body.ceremony.expose_secret());

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let begun = match store::ceremonies::take_with(&mut tx, &identity.kek, token).await? {
        Some(Ceremony::Enrol {
            tenant: of,
            user: whose,
            registration,
        }) if of == tenant.id && whose == user => registration,
        _ => return Err(fault::Error::invalid("/ceremony", "is none that waits, or no longer: begin anew").into()),
    };
    room_for_one_more(&store::factors::list(&mut tx, &tenant, user).await?)?;

    let key = party
        .enrolled(&answer, &begun)
        .map_err(|refused| fault::Error::invalid("/credential", refused.to_string()).private(format!("{refused:?}")))?;
    let id = FactorId::mint();
    let sealed = passkey::seal(tx.keys()?, (tenant.id, id), &key)?;
    let made = store::factors::insert_passkey(&mut tx, &tenant, user, (id, &name), (key.cred_id(), &sealed))
        .await
        .map_err(|error| error.taken("passkey"))?;
    let codes = codes_for_the_first(&mut tx, &tenant, user).await?;
    store::sessions::show_anew(&mut tx, &tenant, user).await?;
    store::sessions::show(&mut tx, &tenant, session, Method::Factor(Kind::Webauthn)).await?;

    let shown = ConfirmedWebauthn {
        factor: FactorView::from(&made),
        recovery_codes: codes.iter().map(Code::expose).collect(),
    };
    tx.finish(Status::Created, Created(shown)).await
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::time::Duration;

    use clock::Clock;
    use futures::future::join_all;
    use ids::uuid::Uuid;
    use serde_json::{Value, json};
    use testkit::{Bench, Client};

    use crate::factor::passkey::PasskeySettings;
    use crate::settings::Settings;
    use crate::testing::device::{Device, Maker, add};
    use crate::testing::{Owner, PASSWORD, RACES, Test, settings, start, start_on, start_patient};

    const BEGIN: &str = "/api/v1/me/mfa/webauthn";
    const PATH: &str = "/api/v1/me/mfa/webauthn:confirm";

    async fn begin(client: &Client) -> Value {
        client.post(BEGIN, json!({})).await.expect(200).json
    }

    fn answer(begun: &Value, credential: &Value) -> Value {
        json!({"ceremony": begun["ceremony"], "credential": credential})
    }

    async fn signed_in(test: &Test, owner: &Owner) -> Client {
        let tokens = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        test.enter_now(&tokens).await
    }

    #[tokio::test]
    async fn a_key_that_was_made_counts_and_brings_the_codes() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let elsewhere = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let ada = test.add_passkey(&owner).await;
        assert_eq!(ada.codes.len(), 10);
        let mine = ada.client.get("/api/v1/me/mfa").await.expect(200).json;
        let only = &mine["items"][0];
        assert_eq!((&only["kind"], &only["name"]), (&json!("webauthn"), &json!("Laptop")));
        assert_eq!((&only["confirmed"], &only["id"]), (&json!(true), &json!(ada.factor)));
        // The other session has not shown what is now the strongest factor.
        let standing = test.standing(&test.check(&elsewhere).await).await.unwrap();
        assert_eq!(standing.factor_at, None);
        let half = test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(half["methods"], json!(["webauthn", "recovery"]));

        let second = add(&ada.client, &mut Device::new()).await.expect(201).json;
        assert_eq!(second["recovery_codes"], json!([]));
        let path = format!("/api/v1/me/mfa/{}", ada.factor);
        ada.client.delete(&path).await.expect(204);
        let log = test.bench.audit(owner.tenant).await;
        assert!(log.contains(&("factor.modify".to_owned(), "success".to_owned())));
    }

    #[tokio::test]
    async fn the_device_is_told_of_the_keys_that_are_there() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let mut ada = test.add_passkey(&owner).await;
        let begun = begin(&ada.client).await;
        let known = begun["public_key"]["excludeCredentials"].as_array().unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(
            begun["public_key"]["authenticatorSelection"]["userVerification"],
            "required"
        );
        // A device that adds it all the same is not believed.
        let again = ada.device.make(&begun["public_key"], None);
        ada.client.post(PATH, answer(&begun, &again)).await.expect(400);
    }

    #[tokio::test]
    async fn t13_fifty_equal_answers_add_one_key() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let client = signed_in(&test, &owner).await;
        for round in 0..RACES {
            let begun = begin(&client).await;
            let body = answer(&begun, &Device::new().make(&begun["public_key"], None));
            let replies = join_all((0..50).map(|_| client.post(PATH, body.clone()))).await;
            let made = replies.iter().filter(|reply| reply.status == 201).count();
            assert_eq!(made, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 201 || reply.status == 400));
        }
    }

    #[tokio::test]
    async fn t14_a_question_is_for_one_person_one_purpose_and_five_minutes() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_patient(&clock).await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (ada, eve) = (signed_in(&test, &owner).await, signed_in(&test, &other).await);
        let refused = async |client: &Client, body: Value, at: &str| {
            let reply = client.post(PATH, body).await.expect(400);
            assert_eq!(reply.json["errors"][0]["pointer"], at, "{}", reply.text);
        };
        let begun = begin(&ada).await;
        let credential = Device::new().make(&begun["public_key"], None);
        refused(&eve, answer(&begun, &credential), "/ceremony").await;
        let (door, _) = test.ask_at_the_door().await;
        refused(&ada, json!({"ceremony": door, "credential": credential}), "/ceremony").await;
        // An answer to another question is none.
        let other_question = begin(&ada).await;
        refused(&ada, answer(&other_question, &credential), "/credential").await;
        let late = begin(&ada).await;
        let credential = Device::new().make(&late["public_key"], None);
        clock.advance(Duration::from_mins(5));
        refused(&ada, answer(&late, &credential), "/ceremony").await;
        assert_eq!(test.dump("identity.factors").await, "");
    }

    #[tokio::test]
    async fn a_key_that_verifies_nobody_or_is_made_elsewhere_is_not_taken() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let client = signed_in(&test, &owner).await;
        let (mut lax, mut lured) = (Device::new(), Device::new());
        lax.verifies = false;
        lured.origin = "https://localhost.evil.example:8443".to_owned();
        for mut device in [lax, lured] {
            let refused = add(&client, &mut device).await.expect(400);
            assert_eq!(refused.json["errors"][0]["pointer"], "/credential");
        }
        let begun = begin(&client).await;
        let mut credential = Device::new().make(&begun["public_key"], None);
        credential["response"]["attestationObject"] = json!("not base64url!");
        let refused = client.post(PATH, answer(&begun, &credential)).await.expect(400);
        let pointer = &refused.json["errors"][0]["pointer"];
        assert_eq!(pointer, "/credential/response/attestationObject");
        credential["more"] = json!(1);
        client.post(PATH, answer(&begun, &credential)).await.expect(400);
    }

    #[tokio::test]
    async fn t24_neither_token_nor_key_is_in_the_database() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let ada = test.add_passkey(&owner).await;
        let begun = begin(&ada.client).await;
        let token = begun["ceremony"].as_str().unwrap();
        for table in [
            "identity.ceremonies",
            "identity.factors",
            "identity.replies",
            "bus.outbox",
        ] {
            let dump = test.dump(table).await;
            assert!(!dump.contains(token) && !dump.contains("cred_id"), "{table}: {dump}");
        }
    }

    /// The service, with a maker whose word counts.
    async fn start_with(maker: &Maker) -> Test {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(maker.root_pem.as_bytes()).unwrap();
        let passkeys = PasskeySettings {
            attestation_roots: Some(file.path().to_owned()),
            ..PasskeySettings::default()
        };
        let settings = Settings { passkeys, ..settings() };
        start_on(Bench::new().await, &settings).await
    }

    async fn want_models(client: &Client, models: &[Uuid]) {
        let path = "/api/v1/policies/sign-in";
        let etag = client.get(path).await.expect(200).header("etag").to_owned();
        for bad in [
            json!({"attestation": "direct"}),
            json!({"allowed_aaguids": models}),
            json!({"attestation": "enterprise"}),
        ] {
            client.patch(path, &etag, bad).await.expect(400);
        }
        let wanted = json!({"attestation": "direct", "allowed_aaguids": models});
        let set = client.patch(path, &etag, wanted).await.expect(200);
        assert_eq!(set.json["allowed_aaguids"], json!(models));
    }

    #[tokio::test]
    async fn a_tenant_takes_the_models_it_has_listed_and_their_maker_vouches_for() {
        let (listed, other) = (Uuid::from_bytes([1; 16]), Uuid::from_bytes([2; 16]));
        let maker = Maker::of(listed);
        let test = start_with(&maker).await;
        let owner = test.sign_up("acme").await;
        let client = signed_in(&test, &owner).await;
        want_models(&client, &[listed]).await;
        let stranger = Maker::of(listed);
        let of_other_model = Maker::of(other);
        for (mut device, maker, taken) in [
            (Device::of(listed), None, 400),
            (Device::of(listed), Some(&stranger), 400),
            (Device::of(other), Some(&of_other_model), 400),
            // Says that it is listed, and its certificate does not.
            (Device::of(other), Some(&maker), 400),
            (Device::of(listed), Some(&maker), 201),
        ] {
            let begun = begin(&client).await;
            assert_eq!(begun["public_key"]["attestation"], "direct");
            let credential = device.make(&begun["public_key"], maker);
            client.post(PATH, answer(&begun, &credential)).await.expect(taken);
        }
    }

    #[tokio::test]
    async fn where_nobodys_word_counts_no_key_is_vouched_for() {
        let test = start().await;
        let owner = test.sign_up("acme").await;
        let client = signed_in(&test, &owner).await;
        want_models(&client, &[Uuid::from_bytes([1; 16])]).await;
        client.post(BEGIN, json!({})).await.expect(409);
    }
}
