use actix_web::post;
use actix_web::web::Data;
use auth::Caller;
use auth::action::authorization;
use chrono::{DateTime, TimeDelta, Utc};
use db::{Created, Outcome, Status, Subject};
use ids::UserId;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use web::{Change, DryRun, Refusals};

use crate::api::auth::{budget, too_many};
use crate::api::oauth::consent::only_people;
use crate::guess::{self, Budget};
use crate::oauth::client::wire_id;
use crate::oauth::device::UserCode;
use crate::once::Token;
use crate::state::Identity;
use crate::store;
use crate::store::oauth_codes::Allowed;

/// How long a device may take to come for what it was allowed.
const LIFETIME: TimeDelta = TimeDelta::minutes(10);

/// What a person typed, and what they decided.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DecideDevice {
    /// The code that the device shows; case and hyphen do not count.
    #[schema(value_type = String, example = "WDJB-MJHT", max_length = 40)]
    pub user_code: SecretString,
    /// Is the device let in?
    #[schema(example = true)]
    pub approve: bool,
}

/// A device that asks, and what was decided.
#[derive(Debug, Serialize, ToSchema)]
pub struct DeviceDecision {
    /// The client.
    #[schema(example = "yunshu-cli")]
    pub client_id: String,
    /// What it is called.
    #[schema(example = "Yunshu CLI")]
    pub client_name: String,
    /// For what.
    #[schema(example = json!(["all", "openid"]))]
    pub scopes: Vec<String>,
    /// From where it asks.
    #[schema(example = "192.0.2.7")]
    pub address: Option<String>,
    /// What the device calls itself.
    #[schema(example = "yunshu/0.1.0")]
    pub agent: String,
    /// Since when.
    pub asked_at: DateTime<Utc>,
    /// Was it let in?
    pub approved: bool,
}

impl Subject for DeviceDecision {
    fn object(&self) -> String {
        format!("oauth_client:{}", self.client_id)
    }

    fn record(&self) -> Value {
        json!({"client_id": self.client_id, "scopes": self.scopes, "address": self.address, "approved": self.approved})
    }
}

/// Lets a device in, or does not.
#[utoipa::path(
    operation_id = "decide_device_authorization",
    tag = "oauth",
    description = "RFC 8628, 3.3: what the portal's page `/device` calls. A dry run says who asks, from where and for what. Codes are \
                   few enough to be guessed, so wrong ones are counted: 429 says how long to wait. Only somebody who is signed \
                   in decides, no key and no other client.",
    params(DryRun),
    request_body(content = DecideDevice, description = "The code and the decision"),
    responses((status = 201, description = "Decided", body = DeviceDecision), Refusals),
    security(("bearer" = [])),
)]
#[post("/oauth/device/decision")]
pub async fn decide_device_authorization(
    ask: Change<authorization::Create, DecideDevice>,
    identity: Data<Identity>,
) -> Outcome<DeviceDecision> {
    let body = &ask.body;
    let (user, session) = ask
        .caller()
        .user()
        .zip(ask.caller().session())
        .ok_or_else(only_people)?;
    let code = UserCode::typed(body.user_code.expose_secret())
        .ok_or_else(|| fault::Error::invalid("/user_code", "must be the eight letters that the device shows"))?;
    let budget = pay(&identity, ask.caller(), user).await?;

    let mut tx = ask.begin(&identity.db).await?;
    let tenant = tx.tenant()?;
    let sign_in = store::grants::sign_in(&mut tx, user, session)
        .await?
        .ok_or_else(only_people)?;
    let (asking, seen) = store::device_grants::typed(&mut tx, &tenant, &identity.kek, &code.digest())
        .await?
        .ok_or_else(unknown)?;
    let client = store::oauth_clients::serving(&mut tx, asking.client)
        .await?
        .ok_or_else(unknown)?;

    let code = Token::make("yac_").digest();
    if body.approve {
        let allowed = Allowed {
            client: client.id,
            user,
            redirect_uri: None,
            challenge: None,
            nonce: None,
            scopes: asking.scopes.clone(),
            sign_in,
        };
        let until = tx.now() + LIFETIME;
        store::oauth_codes::insert(&mut tx, &tenant, &code, &allowed, until).await?;
    }
    store::device_grants::decide(&mut tx, &tenant, &asking, body.approve.then_some(&code)).await?;

    let decided = DeviceDecision {
        client_id: wire_id(client.id),
        client_name: client.name,
        scopes: asking.scopes.names().to_vec(),
        address: seen.address,
        agent: seen.agent,
        asked_at: asking.created_at,
        approved: body.approve,
    };
    let answer = tx.finish(Status::Created, Created(decided)).await?;
    budget::refund(&identity, &budget).await?;
    Ok(answer)
}

/// One guess is paid for before it is looked at: fifty at once pay fifty times.
async fn pay(identity: &Identity, caller: &Caller, user: UserId) -> Result<[Budget; 1], fault::Error> {
    let budget = [guess::user_codes(&identity.guesses, user)];
    let mut tx = identity.begin_sign_in().await?;
    if let Some((_, wait)) = store::guesses::spend(&mut tx, identity.lookup.held()?, &budget).await? {
        tracing::warn!(tenant = %caller.tenant(), "somebody guesses at devices' codes");
        return Err(too_many(
            wait,
            "Too many wrong codes; wait as long as Retry-After says.",
        ));
    }
    tx.commit().await?;
    Ok(budget)
}

/// Wrong, too late, decided already, or another tenant's client: it reads the same.
fn unknown() -> fault::Error {
    fault::Error::not_found("device code")
}

#[cfg(test)]
mod tests {
    use clock::Clock;
    use serde_json::json;
    use testkit::Bench;

    use crate::testing::oauth::{App, Device};
    use crate::testing::{settings, start, start_on};

    const PATH: &str = "/api/v1/oauth/device/decision";

    #[tokio::test]
    async fn a_person_sees_who_asks_and_from_where_before_they_decide() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        let body = json!({"user_code": device.user.to_lowercase(), "approve": true});
        let seen = ada
            .post(&format!("{PATH}?dry_run=true"), body.clone())
            .await
            .expect(200)
            .json;
        assert_eq!(
            (&seen["client_name"], &seen["address"]),
            (&json!("Yunshu CLI"), &json!("127.0.0.1"))
        );
        assert_eq!(seen["scopes"], json!(["all", "email", "openid", "profile"]));
        assert_eq!(
            device.poll(&test).await.expect(400).json["error"],
            "authorization_pending"
        );
        ada.post(PATH, body.clone()).await.expect(201);
        ada.post(PATH, body).await.expect(404);
    }

    #[tokio::test]
    async fn t11_codes_are_not_guessed() {
        let test = start_on(Bench::at(Clock::held_at(Clock::system().now())).await, &settings()).await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        let guess = |code: &str| ada.post(PATH, json!({"user_code": code, "approve": true}));
        let tries = futures::future::join_all((0..40).map(|_| guess("BBBB-BBBB"))).await;
        let looked_at = tries.iter().filter(|reply| reply.status == 404).count();
        assert_eq!(looked_at, 10);
        assert!(tries.iter().all(|reply| reply.status == 404 || reply.status == 429));
        guess(&device.user).await.expect(429);
        guess("not a code").await.expect(400);
    }

    #[tokio::test]
    async fn t14_only_a_person_who_signed_in_decides() {
        let test = start().await;
        let ada = test.enter_new("acme").await;
        let device = Device::ask(&test).await;
        let body = json!({"user_code": device.user, "approve": true});
        let key = ada
            .post("/api/v1/me/api-keys", json!({"name": "a"}))
            .await
            .expect(201)
            .json["key"]
            .clone();
        let by_key = test.enter_by_key(&key, "192.0.2.1").await.unwrap();
        by_key.post(PATH, body.clone()).await.expect(403);
        let app = App::register(&ada, json!({})).await;
        let tokens = app.let_in(&test, &ada, "openid").await;
        test.enter(&tokens)
            .await
            .unwrap()
            .post(PATH, body.clone())
            .await
            .expect(403);
        test.client.post(PATH, body).await.expect(401);
    }

    #[tokio::test]
    async fn t01_anothers_clients_device_is_none() {
        let test = start().await;
        let (ada, eve) = (test.enter_new("acme").await, test.enter_new("evil").await);
        let grants = json!({"grant_types": ["urn:ietf:params:oauth:grant-type:device_code"], "redirect_uris": []});
        let app = App::register(&eve, grants).await;
        let device = Device::of(&test, &app).await;
        let body = json!({"user_code": device.user, "approve": true});
        let foreign = ada.post(PATH, body.clone()).await.expect(404);
        let never = ada
            .post(PATH, json!({"user_code": "BBBB-BBBB", "approve": true}))
            .await
            .expect(404);
        assert_eq!(foreign.without_request(), never.without_request());
        eve.post(PATH, body).await.expect(201);
    }
}
