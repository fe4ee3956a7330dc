//! From where people come, by what, and what they call it: shown to them, and nowhere on the disk.

use std::net::IpAddr;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Reply};

use crate::testing::oauth::CLI;
use crate::testing::{Owner, PASSWORD, Test, start};

const PLACE: [u8; 4] = [198, 51, 100, 77];
const HERE: &str = "198.51.100.77";
const AGENT: &str = "canary-agent/7";
const NAME: &str = "canary on a chain";
const SESSIONS: &str = "/api/v1/me/sessions";

async fn by_agent(client: &Client, path: &str, body: &Value) -> Reply {
    let request = client.request(Method::POST, path).header("user-agent", AGENT);
    client.send(request.json(body)).await.expect(200)
}

async fn signed_in(test: &Test, owner: &Owner) -> Value {
    let body = json!({"email": owner.email, "password": PASSWORD});
    by_agent(&test.client, "/api/v1/auth/login", &body).await.json
}

/// Everything from one place.
async fn start_there() -> Test {
    let Test { bench, client } = start().await;
    let client = client.at(IpAddr::from(PLACE));
    Test { bench, client }
}

/// What of these lies open, and where; of bytes the digits are looked for.
async fn lying(test: &Test, told: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for table in test.tables().await {
        let rows = test.bench.rows(&table).await.join("\n");
        for told in told {
            let digits = told.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
            if rows.contains(told) || rows.contains(&digits) {
                found.push(format!("{told} in {table}"));
            }
        }
    }
    found
}

#[tokio::test]
async fn t24_where_people_come_from_and_what_they_call_things_is_shown_and_nowhere_lies_open() {
    let test = start_there().await;
    let owner = test.sign_up("acme").await;
    let first = signed_in(&test, &owner).await;
    let renewal = json!({"refresh_token": first["refresh_token"]});
    let renewed = by_agent(&test.client, "/api/v1/auth/refresh", &renewal).await.json;
    let ada = test.enter(&renewed).await.unwrap();

    let made = ada
        .post("/api/v1/me/api-keys", json!({"name": "a"}))
        .await
        .expect(201)
        .json;
    test.enter_by_key(&made["key"], HERE).await.unwrap();
    let asked = test.client.request(Method::POST, "/api/v1/oauth/device");
    let asked = asked
        .header("user-agent", AGENT)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("client_id={CLI}"));
    let device = test.client.send(asked).await.expect(200).json;
    ada.post("/api/v1/me/mfa/totp", json!({"name": "other"}))
        .await
        .expect(201);
    let enrolled = test.enrol(&owner).await;
    let factor = format!("/api/v1/me/mfa/{}", enrolled.factor);
    let ada = &enrolled.client;
    let named = ada.request(Method::PATCH, &factor).header("if-match", "*");
    let named = named.header("idempotency-key", "k").json(&json!({"name": NAME}));
    assert_eq!(ada.send(named).await.expect(200).json["name"], NAME);
    test.challenge(&owner).await;

    let lying = lying(&test, &[HERE, AGENT, NAME]).await;
    assert!(lying.is_empty(), "{lying:?}");

    let listed = ada.get(SESSIONS).await.expect(200).json;
    let shown = |session: &Value| session["device"] == AGENT && session["used_from"] == HERE;
    assert!(listed["items"].as_array().unwrap().iter().any(shown), "{listed}");
    let key = format!("/api/v1/me/api-keys/{}", made["api_key"]["id"].as_str().unwrap());
    assert_eq!(ada.get(&key).await.expect(200).json["used_from"], HERE);
    assert_eq!(ada.get(&factor).await.expect(200).json["name"], NAME);
    let decision = json!({"user_code": device["user_code"], "approve": true});
    let decided = ada
        .post("/api/v1/oauth/device/decision?dry_run=true", decision)
        .await
        .expect(200);
    assert_eq!(
        (&decided.json["address"], &decided.json["agent"]),
        (&json!(HERE), &json!(AGENT))
    );
    let export = ada.get("/api/v1/me/export").await.expect(200).json;
    assert_eq!(export["held"]["known_addresses"][0]["address"], HERE, "{export}");
    let sessions = export["held"]["sessions"].as_array().unwrap();
    let whole = |session: &&Value| session["rotated_from"] == HERE && session["agent"] == AGENT;
    assert_eq!(sessions.iter().filter(whole).count(), 1, "{export}");
    assert_eq!(export["held"]["api_keys"][0]["used_from"], HERE);
    let factors = export["held"]["factors"].as_array().unwrap();
    assert!(factors.iter().any(|factor| factor["name"] == NAME), "{export}");
}

#[tokio::test]
async fn t20_what_was_moved_into_another_row_is_shown_to_nobody() {
    let test = start_there().await;
    let owner = test.sign_up("acme").await;
    let tokens = [signed_in(&test, &owner).await, signed_in(&test, &owner).await];
    let ada = test.enter(&tokens[0]).await.unwrap();
    ada.get(SESSIONS).await.expect(200);
    test.bench
        .alter(
            "update identity.sessions set used_from_sealed = (select used_from_sealed from identity.sessions order by session_id limit 1)
             where tenant_id = $1",
            owner.tenant,
        )
        .await;
    let refused = ada.get(SESSIONS).await.expect(500);
    assert!(!refused.text.contains(HERE), "{}", refused.text);
}

#[tokio::test]
async fn what_a_release_before_kept_of_sessions_and_factors_is_told_as_far_as_it_is_known() {
    let test = start_there().await;
    let owner = test.sign_up("acme").await;
    let tokens = signed_in(&test, &owner).await;
    let enrolled = test.enrol(&owner).await;
    for old in [
        "update identity.sessions set address_sealed = null, used_from_sealed = null, agent_sealed = null where tenant_id = $1",
        "update identity.factors set name_sealed = null, name = 'old name' where tenant_id = $1",
    ] {
        test.bench.alter(old, owner.tenant).await;
    }
    let ada = &enrolled.client;
    let listed = ada.get(SESSIONS).await.expect(200).json;
    assert_eq!(listed["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&listed["items"][0]["used_from"], &listed["items"][0]["device"]),
        (&json!(null), &json!(""))
    );
    let factor = ada
        .get(&format!("/api/v1/me/mfa/{}", enrolled.factor))
        .await
        .expect(200);
    assert_eq!(factor.json["name"], "old name");
    let renewal = json!({"refresh_token": tokens["refresh_token"]});
    by_agent(&test.client, "/api/v1/auth/refresh", &renewal).await;
    let listed = ada.get(SESSIONS).await.expect(200).json;
    let heard = |session: &&Value| session["used_from"] == HERE && session["device"] == AGENT;
    assert_eq!(
        listed["items"].as_array().unwrap().iter().filter(heard).count(),
        1,
        "{listed}"
    );
}
