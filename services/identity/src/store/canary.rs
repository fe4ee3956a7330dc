//! Where somebody's address and name lie, whichever way they came.

use auth::Role;
use chrono::TimeDelta;
use clock::Clock;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Mood, Vault};

use crate::testing::letters::Letters;
use crate::testing::{PASSWORD, Test, start};

/// Each row of the schema as text, and as bytes would read if they were text. The replies are not people's own.
async fn everything(test: &Test) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for table in test
        .tables()
        .await
        .into_iter()
        .filter(|table| table.starts_with("identity."))
    {
        for row in test.bench.rows(&table).await {
            all.push((table.clone(), row.to_lowercase()));
        }
    }
    all
}

fn hex(text: &str) -> String {
    text.bytes()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// Where one of these lies in the clear; kept answers are sealed elsewhere.
async fn shown(test: &Test, canaries: &[&str]) -> Vec<String> {
    let rows = everything(test).await;
    let tells = |row: &str| {
        let told = |canary: &&str| row.contains(canary) || row.contains(&hex(canary));
        canaries.iter().any(told)
    };
    let found = rows
        .iter()
        .filter(|(table, row)| table != "identity.replies" && tells(row));
    found.map(|(table, row)| format!("{table}: {row}")).collect()
}

#[tokio::test]
async fn t24_an_address_and_a_name_are_nowhere_in_the_clear_whichever_way_somebody_came() {
    let (test, letters) = Letters::start(&Clock::system()).await;
    let body = json!({"tenant": {"name": "acme"},
                      "user": {"email": "canary-owner@example.com", "password": PASSWORD, "display_name": "Quetzal Owner"}});
    test.client.post("/api/v1/auth/signup", body).await.expect(201);
    let tokens = test
        .sign_in("Canary-Owner@example.com", PASSWORD)
        .await
        .expect(200)
        .json;
    let owner = test.enter(&tokens).await.unwrap();

    let invited = json!({"email": "canary-guest@example.com", "role": "viewer"});
    let made = owner.post("/api/v1/invitations", invited).await.expect(201).json;
    let body = json!({"token": made["token"], "password": PASSWORD, "display_name": "Quetzal Guest"});
    test.client
        .post("/api/v1/auth/accept-invitation", body)
        .await
        .expect(201);
    owner
        .post(
            "/api/v1/invitations",
            json!({"email": "canary-open@example.com", "role": "viewer"}),
        )
        .await
        .expect(201);
    test.sign_in("canary-guest@example.com", PASSWORD).await.expect(200);
    owner
        .post("/api/v1/me/email", json!({"email": "canary-new@example.com"}))
        .await
        .expect(200);
    // Two invitations, the letter to the new address and the notice to the old one.
    let arrived = letters.wait(4).await;
    let mut to_new = arrived.iter().filter(|letter| letter.to == "canary-new@example.com");
    let token = to_new.find_map(|letter| letter.token("yec_")).unwrap();
    test.client
        .post("/api/v1/auth/email/confirm", json!({"token": token}))
        .await
        .expect(200);
    owner
        .patch("/api/v1/me", "*", json!({"display_name": "Quetzal Renamed"}))
        .await
        .expect(200);
    test.sign_in("canary-new@example.com", PASSWORD).await.expect(200);
    test.sign_in("canary-owner@example.com", PASSWORD).await.expect(401);

    let found = shown(&test, &["canary", "quetzal"]).await;
    assert!(found.is_empty(), "{found:#?}");
    let page = owner.get("/api/v1/users?sort=name").await.expect(200).json;
    let names: Vec<&Value> = page["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| &user["display_name"])
        .collect();
    assert_eq!(names, ["Quetzal Guest", "Quetzal Renamed"]);
}

#[tokio::test]
async fn t03_the_same_address_is_somebody_else_in_another_tenant_and_only_once_in_one() {
    let test = start().await;
    let (acme, other) = (test.bench.tenant("acme").await, test.bench.tenant("other").await);
    let admin = test.person(&acme, "admin", Role::Admin).await;
    let shared = "ada@shared.example";
    let theirs = test.newcomer(&other, ids::UserId::mint(), shared).await;
    let tokens = [
        test.invite(&admin, shared, "viewer").await.0,
        test.invite(&admin, shared, "viewer").await.0,
    ];
    let replies = futures::future::join_all(tokens.iter().map(|token| test.accept(token))).await;
    let mut answers: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
    answers.sort_unstable();
    assert_eq!(answers, [201, 409]);

    let marks: Vec<(Vec<u8>, Vec<u8>)> = sqlx::query_as(
        "select email_mark, email_sealed from identity.users where email_mark =
           (select email_mark from identity.users where user_id = $1)",
    )
    .bind(theirs)
    .fetch_all(&mut test.bench.superuser().await)
    .await
    .unwrap();
    assert_eq!(marks.len(), 2, "one mark in both");
    assert_ne!(marks[0].1, marks[1].1);
    // A ciphertext that was carried over opens for nobody.
    sqlx::query("update identity.users set email_sealed = $2 where tenant_id = $1 and email_mark = $3")
        .bind(acme.id)
        .bind(sealed_of(&test, theirs).await)
        .bind(&marks[0].0)
        .execute(&mut test.bench.superuser().await)
        .await
        .unwrap();
    admin.client.get("/api/v1/users?q=ada").await.expect(500);
}

async fn sealed_of(test: &Test, user: ids::UserId) -> Vec<u8> {
    sqlx::query_scalar("select email_sealed from identity.users where user_id = $1")
        .bind(user)
        .fetch_one(&mut test.bench.superuser().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn t22_people_are_shown_to_nobody_while_the_tenants_own_key_is_away_and_again_when_it_is_back() {
    let clock = Clock::held_at(Clock::system().now());
    let test = crate::testing::start_patient(&clock).await;
    let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
    let owner = test.person(&acme, "owner", Role::Owner).await;
    let calm = test.person(&byte, "calm", Role::Owner).await;
    let vault = Vault::start("hvs.token").await;
    let keeps = json!({"url": vault.url(), "key": "kek", "token": "hvs.token"});
    let set = owner
        .client
        .request(Method::PUT, "/api/v1/tenant/keys/external")
        .json(&keeps);
    owner.client.send(set).await.expect(200);
    for path in ["/api/v1/users", "/api/v1/users?sort=name", "/api/v1/me"] {
        owner.client.get(path).await.expect(200);
    }

    vault.turn(Mood::Denied);
    clock.advance(TimeDelta::minutes(6).to_std().unwrap());
    for path in [
        "/api/v1/users",
        "/api/v1/users?sort=name",
        "/api/v1/users?q=own",
        "/api/v1/me",
    ] {
        let refused = owner.client.get(path).await.expect(503);
        assert_eq!(refused.code(), "key_unavailable", "{path}");
        calm.client.get(path).await.expect(200);
    }
    vault.turn(Mood::Well);
    clock.advance(TimeDelta::seconds(61).to_std().unwrap());
    let page = owner.client.get("/api/v1/users?q=own").await.expect(200).json;
    assert_eq!(page["items"][0]["email"], "owner@acme.example");
}

#[tokio::test]
async fn t23_what_was_sealed_opens_no_more_once_the_tenants_key_is_destroyed() {
    let test = start().await;
    let tenant = test.bench.tenant("acme").await;
    let owner = test.person(&tenant, "owner", Role::Owner).await;
    owner.client.get("/api/v1/users").await.expect(200);
    test.bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            tenant.id,
        )
        .await;
    test.bench.keyring.forget(tenant.id);
    for path in ["/api/v1/users", "/api/v1/users?q=o", "/api/v1/me"] {
        let refused = owner.client.get(path).await;
        assert!(
            refused.status.as_u16() >= 400 && !refused.text.contains("owner@"),
            "{}",
            refused.text
        );
    }
}
