//! Signing in by passkey alone, and what all ways of showing one share.

pub mod begin;

use actix_web::post;
use actix_web::web::{Data, Json};
use auth::action::session;
use auth::{Action, PLATFORM};
use crypto::TenantKeys;
use db::SystemTx;
use ids::UserId;
use ids::uuid::Uuid;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use utoipa::ToSchema;
use web::{Open, Refusals};
use webauthn_rs::prelude::{DiscoverableAuthentication, PublicKeyCredential};

use super::begin::begin;
use super::newcomer::Newcomer;
use super::{SignedIn, budget, record_refusal};
use crate::api::webauthn::Assertion;
use crate::factor::passkey::ceremony::Ceremony;
use crate::factor::passkey::{self, Refused};
use crate::guess;
use crate::once::{TokenDigest, digest};
use crate::signin::{Event, State};
use crate::state::Identity;
use crate::store;
use crate::store::passkeys::Shown;

/// What a device answered, checked for its form.
pub struct Answer {
    /// To which question.
    pub token: TokenDigest,
    credential: PublicKeyCredential,
}

impl Answer {
    /// Checks the form alone.
    pub fn check(pointer: &str, ceremony: &SecretString, said: &Assertion) -> Result<Self, fault::Error> {
        Ok(Self {
            token: digest(ceremony.expose_secret()),
            credential: said.checked(pointer)?,
        })
    }

    /// The key's id.
    pub fn key(&self) -> &[u8] {
        self.credential.get_credential_id()
    }

    /// Whose key the device says it is.
    pub fn user(&self) -> Option<UserId> {
        let handle = self.credential.get_user_unique_id()?;
        Uuid::from_slice(handle).ok().map(UserId::from_uuid)
    }

    /// Is it the key's answer to what was asked? The key as it is to be kept, sealed.
    pub fn judge(
        &self,
        (identity, keys): (&Identity, &TenantKeys),
        shown: &Shown,
        asked: DiscoverableAuthentication,
    ) -> Result<Result<Vec<u8>, Refused>, fault::Error> {
        let party = identity.relying_party()?;
        let place = (shown.tenant, shown.factor);
        let key = passkey::open(keys, place, &shown.sealed)?;
        match party.judge(&self.credential, asked, key) {
            Ok(key) => Ok(Ok(passkey::seal(keys, place, &key)?)),
            Err(refused) => Ok(Err(refused)),
        }
    }
}

/// Is it a passkey of this person, who may sign in, and its answer to what was asked? If so, its use is kept; if not, why,
/// for the log, and whose it is if that is known.
pub(super) async fn right_at_sign_in(
    tx: &mut SystemTx,
    identity: &Identity,
    answer: &Answer,
    user: UserId,
    asked: DiscoverableAuthentication,
) -> Result<Result<Shown, (Option<Shown>, &'static str)>, fault::Error> {
    if answer.user().is_some_and(|named| named != user) {
        return Ok(Err((None, "another_person")));
    }
    let Some(shown) = store::passkeys::claim(tx, user, answer.key()).await? else {
        return Ok(Err((None, "unknown_passkey")));
    };
    match answer.judge((identity, &tx.keys(shown.tenant)?), &shown, asked)? {
        Ok(_) if !shown.enabled => Ok(Err((Some(shown), "disabled_or_changed"))),
        Ok(sealed) => {
            store::passkeys::keep(tx, &shown, &sealed).await?;
            Ok(Ok(shown))
        }
        Err(refused) => Ok(Err((Some(shown), refused.code()))),
    }
}

/// A passkey, shown at the door.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowPasskey {
    /// What came with the question.
    #[schema(value_type = String, example = "ywc_q83vASNFZ4mrze8BI0VniQq83vASNFZ4mrze8BI0Vn", max_length = 128)]
    pub ceremony: SecretString,
    /// What the device answered.
    pub credential: Assertion,
}

fn refused() -> fault::Error {
    fault::Error::unauthenticated("This passkey lets nobody in here, or the question is no longer good; ask anew.")
}

/// Signs in with a passkey alone.
#[utoipa::path(
    operation_id = "sign_in_with_passkey",
    tag = "auth",
    description = "What the device answered to the question of `/auth/passkey:begin`, with a key that it found by itself. The \
                   device verifies its holder, so this counts as both factors. Whatever is wrong, the answer is the same 401, \
                   and 429 says how long to wait after too many failures.",
    request_body(content = ShowPasskey, description = "Ceremony and answer"),
    responses((status = 200, description = "Signed in", body = SignedIn), Refusals),
    security(()),
)]
#[post("/auth/passkey")]
pub async fn sign_in_with_passkey(
    ask: Open<ShowPasskey>,
    identity: Data<Identity>,
) -> Result<Json<SignedIn>, fault::Error> {
    let answer = Answer::check("/credential", &ask.body.ceremony, &ask.body.credential)?;
    let network = guess::network(ask.origin.address);
    let budgets = guess::passkeys(&identity.guesses, &network);
    let mut tx = identity.begin_sign_in().await?;
    if let Some(spent) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budgets).await? {
        drop(tx);
        let whom = (PLATFORM, NOBODY.to_owned());
        return Err(budget::slow_down(&identity, &ask.origin, whom, spent).await?);
    }
    let said = match answer.user() {
        Some(user) => store::passkeys::tenant_of(&mut tx, user, answer.key()).await?,
        None => None,
    };
    tx.commit().await?;
    if let Some(tenant) = said {
        identity.at_the_door(tenant).await?;
    }

    let mut tx = identity.begin_sign_in().await?;
    let right = whose(&mut tx, &identity, &network, &answer).await?;
    let event = Event::Passkey { right: right.is_ok() };
    let state = State::Nobody.next(event, tx.now()).map_err(fault::Error::internal)?;
    let (shown, methods) = match (right, state) {
        (Ok(shown), State::Authenticated(methods)) => (shown, methods),
        (right, _) => {
            let (shown, why) = right.err().unwrap_or((None, "not_awaited"));
            let (tenant, object) = shown.map_or((PLATFORM, NOBODY.to_owned()), |shown| {
                (shown.tenant, format!("user:{}", shown.user))
            });
            record_refusal(&mut tx, tenant, &ask.origin, session::Create::INFO, (object, why))?;
            tx.commit().await?;
            return Err(refused());
        }
    };
    let who = Newcomer::lookup(&mut tx, (shown.tenant, shown.user)).await?;
    let (session, token) = begin(&mut tx, &identity, &ask.origin, &who, &methods).await?;
    store::guesses::give_back(&mut tx, identity.lookup.held()?, &budgets).await?;
    tx.commit().await?;

    identity.hand_out(&session, &token).await
}

/// For the log, where it is not known whom they were after.
const NOBODY: &str = "user:unknown";

/// The key that answered what was asked at the door, from there.
async fn whose(
    tx: &mut SystemTx,
    identity: &Identity,
    network: &str,
    answer: &Answer,
) -> Result<Result<Shown, (Option<Shown>, &'static str)>, fault::Error> {
    let asked = match store::ceremonies::take(tx, &identity.kek, answer.token).await? {
        Some(Ceremony::SignIn { network: from, asked }) if from == network => asked,
        _ => return Ok(Err((None, "not_asked"))),
    };
    match answer.user() {
        Some(user) => right_at_sign_in(tx, identity, answer, user, asked).await,
        None => Ok(Err((None, "unknown_passkey"))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use clock::Clock;
    use futures::future::join_all;
    use serde_json::json;
    use testkit::Bench;

    use crate::mail::MailSettings;
    use crate::settings::Settings;
    use crate::testing::device::{Device, add};
    use crate::testing::{PASSWORD, RACES, settings, start, start_on, start_patient};

    const PATH: &str = "/api/v1/auth/passkey";

    #[tokio::test]
    async fn a_passkey_alone_lets_its_holder_in_and_counts_as_both_factors() {
        let test = start().await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (mut ada, _) = (test.add_passkey(&owner).await, test.add_passkey(&other).await);
        let tokens = test.show_at_the_door(&mut ada.device).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated");
        let claims = test.check(&tokens).await;
        assert_eq!(claims.tenant, owner.tenant);
        assert!(test.standing(&claims).await.unwrap().factor_at.is_some());
        assert!(test.dump("identity.sessions").await.contains("{pop}"));
        let client = test.enter(&tokens).await.unwrap();
        client
            .post("/api/v1/me/mfa/totp?dry_run=true", json!({}))
            .await
            .expect(200);
        let log = test.bench.audit(owner.tenant).await;
        assert_eq!(
            log.last().unwrap(),
            &("session.create".to_owned(), "success".to_owned())
        );
    }

    #[tokio::test]
    async fn t13_fifty_equal_answers_let_one_in() {
        let test = start_patient(&Clock::held_at(Clock::system().now())).await;
        let owner = test.sign_up("acme").await;
        let ada = test.add_passkey(&owner).await;
        // One that does not count, as most that are synchronised: nothing but the question tells its answers apart.
        let mut device = Device::new();
        device.counter = 0;
        add(&ada.client, &mut device).await.expect(201);
        for round in 0..RACES {
            let (ceremony, options) = test.ask_at_the_door().await;
            let body = json!({"ceremony": ceremony, "credential": device.show(&options)});
            let replies = join_all((0..50).map(|_| test.client.post(PATH, body.clone()))).await;
            let wins = replies.iter().filter(|reply| reply.status == 200).count();
            assert_eq!(wins, 1, "round {round}");
            assert!(replies.iter().all(|reply| reply.status == 200 || reply.status == 401));
        }
    }

    #[tokio::test]
    async fn t14_what_was_asked_elsewhere_opens_no_door() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_patient(&clock).await;
        let (owner, other) = (test.sign_up("acme").await, test.sign_up("evil").await);
        let (mut ada, eve) = (test.add_passkey(&owner).await, test.add_passkey(&other).await);
        let refused = async |body| test.client.post(PATH, body).await.expect(401).without_request();
        let (second, options) = test.ask_as_second(&test.challenge(&owner).await).await;
        let mut answers = vec![refused(json!({"ceremony": second, "credential": ada.device.show(&options)})).await];
        // Another's name on it, no name on it, not verified, from elsewhere, too late, somebody's who may not come in.
        let (ceremony, options) = test.ask_at_the_door().await;
        let mut credential = ada.device.show(&options);
        let named = eve.client.get("/api/v1/me").await.expect(200).json["user"]["id"].clone();
        let named: ids::UserId = named.as_str().unwrap().parse().unwrap();
        let handle = base64::Engine::encode(
            &base64::engine::general_purpose::URL_SAFE_NO_PAD,
            named.as_uuid().as_bytes(),
        );
        credential["response"]["userHandle"] = json!(handle);
        answers.push(refused(json!({"ceremony": ceremony, "credential": credential})).await);
        let (ceremony, options) = test.ask_at_the_door().await;
        let mut credential = ada.device.show(&options);
        credential["response"]["userHandle"] = json!(null);
        answers.push(refused(json!({"ceremony": ceremony, "credential": credential})).await);
        ada.device.verifies = false;
        let (ceremony, options) = test.ask_at_the_door().await;
        answers.push(refused(json!({"ceremony": ceremony, "credential": ada.device.show(&options)})).await);
        ada.device.verifies = true;
        let (ceremony, options) = test.ask_at_the_door().await;
        let body = json!({"ceremony": ceremony, "credential": ada.device.show(&options)});
        let elsewhere = test.client.at(IpAddr::from([198, 51, 100, 9]));
        answers.push(elsewhere.post(PATH, body).await.expect(401).without_request());
        let (ceremony, options) = test.ask_at_the_door().await;
        clock.advance(Duration::from_mins(5));
        answers.push(refused(json!({"ceremony": ceremony, "credential": ada.device.show(&options)})).await);
        test.disable(&owner).await;
        answers.push(
            test.show_at_the_door(&mut ada.device)
                .await
                .expect(401)
                .without_request(),
        );
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    }

    #[tokio::test]
    async fn t12_who_guesses_at_a_password_keeps_no_passkey_out() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let owner = test.sign_up("acme").await;
        let mut ada = test.add_passkey(&owner).await;
        for last in 1..=20 {
            let stranger = test.client.at(IpAddr::from([198, 51, 100, last]));
            for _ in 0..10 {
                let body = json!({"email": owner.email, "password": "an entirely wrong one"});
                stranger.post("/api/v1/auth/login", body).await;
            }
        }
        let fresh = test.client.at(IpAddr::from([203, 0, 113, 7]));
        let body = json!({"email": owner.email, "password": PASSWORD});
        fresh.post("/api/v1/auth/login", body).await.expect(429);
        let asked = fresh
            .post("/api/v1/auth/passkey:begin", json!({}))
            .await
            .expect(200)
            .json;
        let body = json!({"ceremony": asked["ceremony"], "credential": ada.device.show(&asked["public_key"])});
        fresh.post(PATH, body).await.expect(200);
    }

    #[tokio::test]
    async fn t40_questions_from_one_place_run_out_and_come_back() {
        let clock = Clock::held_at(Clock::system().now());
        let test = start_on(Bench::at(clock.clone()).await, &settings()).await;
        let ask = || test.client.post("/api/v1/auth/passkey:begin", json!({}));
        for _ in 0..100 {
            ask().await.expect(200);
        }
        ask().await.expect(429);
        clock.advance(Duration::from_secs(2));
        ask().await.expect(200);
    }

    #[tokio::test]
    async fn a_portal_without_a_name_has_no_passkeys() {
        let mail = MailSettings {
            portal: Some("https://192.0.2.1".to_owned()),
            ..MailSettings::default()
        };
        let test = start_on(Bench::new().await, &Settings { mail, ..settings() }).await;
        let refused = test
            .client
            .post("/api/v1/auth/passkey:begin", json!({}))
            .await
            .expect(409);
        assert!(refused.json["detail"].as_str().unwrap().contains("identity.passkeys"));
    }
}
