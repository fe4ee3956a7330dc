use std::sync::Arc;
use std::time::Duration;

use auth::Role;
use clock::Clock;
use crypto::{Destroyed, KekProvider, KeyError, Keyring, Place, Providers, Purpose};
use db::Db;
use futures::future::join_all;
use ids::{ProjectId, TenantId};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Bench, Client, Mood, Reply, TestTenant, Vault};

use crate::renew_key_token;
use crate::testing::{PASSWORD, Test, settings, start, start_on};
use crate::work::external_keys::check;

const PATH: &str = "/api/v1/tenant/keys/external";
const TOKEN: &str = "hvs.canary-of-the-token";

fn place(tenant: TenantId) -> Place<'static> {
    Place {
        tenant,
        table: "t",
        column: "c",
        row: "r",
    }
}

fn body(vault: &Vault, key: &str) -> Value {
    json!({"url": vault.url(), "key": key, "token": TOKEN})
}

async fn set(client: &Client, query: &str, body: &Value) -> Reply {
    client
        .send(client.request(Method::PUT, &format!("{PATH}{query}")).json(body))
        .await
}

/// Another process, which has yet to ask for every key.
fn process(bench: &Bench) -> Db {
    process_of(bench, "compute")
}

fn process_of(bench: &Bench, service: &str) -> Db {
    let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
    let providers = Providers::of(provider).with_external(testkit::external(&bench.kek));
    let ring = Keyring::new(
        providers,
        Some(bench.kek.clone()),
        Destroyed::unlisted(),
        bench.clock.clone(),
    );
    bench.db(service).with_keys(ring)
}

async fn seals(db: &Db, tenant: TenantId) -> Vec<u8> {
    let keys = db.keys(tenant).await.unwrap();
    keys.seal(Purpose::Console, &place(tenant), b"x").unwrap()
}

async fn opens(db: &Db, tenant: TenantId, sealed: &[u8]) -> Result<(), KeyError> {
    let keys = db.keys(tenant).await?;
    assert_eq!(keys.open(&place(tenant), sealed)?.as_slice(), b"x");
    Ok(())
}

async fn shown(client: &Client) -> Value {
    client.get("/api/v1/tenant/keys").await.expect(200).json
}

async fn held() -> (Test, Clock) {
    let clock = Clock::held_at(Clock::system().now());
    (start_on(Bench::at(clock.clone()).await, &settings()).await, clock)
}

#[tokio::test]
async fn t22_what_a_tenant_takes_away_is_shut_within_five_minutes_and_open_again_by_itself() {
    let (test, clock) = held().await;
    let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
    let vault = Vault::start(TOKEN).await;
    let [ours, other] = [test.bench.db("identity"), process(&test.bench)];
    let (before, theirs) = (seals(&ours, acme.id).await, seals(&ours, byte.id).await);
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let rows = test.bench.rows("keys.tenant_keys").await;
    let tried = set(&owner, "?dry_run=true", &body(&vault, "kek")).await.expect(200);
    assert_eq!(tried.json["external"]["state"], "ok");
    assert!(!vault.asked().is_empty(), "a dry run proves the key");
    assert_eq!(test.bench.rows("keys.tenant_keys").await, rows, "and changes nothing");

    let done = set(&owner, "", &body(&vault, "kek")).await.expect(200).json;
    assert_eq!((&done["provider"], &done["version"]), (&json!("external"), &json!(2)));
    assert_eq!(
        (&done["external"]["url"], &done["external"]["key"]),
        (&json!(vault.url()), &json!("kek"))
    );
    assert_eq!(
        done["data_keys"].as_array().unwrap().len(),
        11,
        "further keys that nobody else ever wrapped, and the lasting one of blind indexes"
    );
    clock.advance(Duration::from_mins(3));
    let after = seals(&other, acme.id).await;
    assert_eq!(after[6], 2, "and they seal by now");
    for (db, sealed) in [(&ours, &before), (&ours, &after), (&other, &before), (&other, &after)] {
        opens(db, acme.id, sealed).await.unwrap();
    }

    vault.turn(Mood::Denied);
    clock.advance(Duration::from_secs(4 * 60 + 50));
    opens(&other, acme.id, &after).await.unwrap();
    clock.advance(Duration::from_secs(15));
    for db in [&ours, &other, &process(&test.bench)] {
        assert!(matches!(opens(db, acme.id, &after).await, Err(KeyError::External(_))));
        assert!(matches!(
            db.keyring().unwrap().held(acme.id),
            Err(KeyError::External(_) | KeyError::Unavailable(_))
        ));
        opens(db, byte.id, &theirs).await.unwrap();
    }
    let refused = owner.post("/api/v1/projects", json!({"name": "new"})).await.expect(503);
    assert_eq!(refused.code(), "key_unavailable");
    assert!(
        refused.json["detail"].as_str().unwrap().contains("key server"),
        "{}",
        refused.text
    );
    assert!(!refused.header("Retry-After").is_empty());
    check(&ours).await.unwrap();
    let seen = shown(&owner).await;
    assert_eq!(seen["external"]["state"], "away");
    assert!(seen["external"]["cause"].as_str().unwrap().contains("403"), "{seen}");
    let calm = test.client.caller(&byte.caller(Role::Owner));
    calm.post("/api/v1/projects", json!({"name": "new"})).await.expect(201);

    vault.turn(Mood::Well);
    clock.advance(Duration::from_secs(61));
    for (db, sealed) in [(&ours, &before), (&ours, &after), (&other, &before), (&other, &after)] {
        opens(db, acme.id, sealed).await.unwrap();
    }
    owner.post("/api/v1/projects", json!({"name": "new"})).await.expect(201);
    check(&ours).await.unwrap();
    let seen = shown(&owner).await;
    assert_eq!(
        (&seen["external"]["state"], &seen["external"]["cause"]),
        (&json!("ok"), &json!(null))
    );
    let log = test.bench.entries(acme.id).await;
    let states: Vec<_> = log
        .iter()
        .map(|entry| &entry["changes"]["state"]["after"])
        .filter(|it| !it.is_null())
        .collect();
    assert_eq!(states, [&json!("away"), &json!("ok")], "the log tells of both");
}

#[tokio::test]
async fn t22_while_the_key_server_is_away_neither_places_nor_answers_are_shown_and_then_they_are_again() {
    let (test, clock) = held().await;
    let person = test.sign_up("acme").await;
    let acme = TestTenant {
        id: person.tenant,
        name: "acme".to_owned(),
        project: ProjectId::mint(),
    };
    let tokens = test.sign_in(&person.email, PASSWORD).await.expect(200).json;
    let (ada, owner) = (
        test.enter_now(&tokens).await,
        test.client.caller(&acme.caller(Role::Owner)),
    );
    let vault = Vault::start(TOKEN).await;
    set(&owner, "", &body(&vault, "kek")).await.expect(200);
    let (path, once) = ("/api/v1/projects", json!({"name": "once"}));
    let first = owner.post_once(path, "k", once.clone()).await.expect(201);
    let (places, factors) = ("/api/v1/me/sessions", "/api/v1/me/mfa");
    let shown = ada.get(places).await.expect(200);
    assert_eq!(shown.json["items"][0]["used_from"], "127.0.0.1");

    vault.turn(Mood::Denied);
    clock.advance(Duration::from_mins(6));
    for refused in [
        ada.get(places).await,
        ada.get(factors).await,
        owner.post_once(path, "k", once.clone()).await,
        test.sign_in(&person.email, PASSWORD).await,
    ] {
        assert_eq!(refused.expect(503).code(), "key_unavailable");
    }

    vault.turn(Mood::Well);
    clock.advance(Duration::from_secs(61));
    assert_eq!(ada.get(places).await.expect(200).text, shown.text);
    let again = owner.post_once(path, "k", once).await.expect(201);
    assert_eq!(
        (&again.text, again.header("Idempotent-Replayed")),
        (&first.text, "true")
    );
}

#[tokio::test]
async fn t24_the_token_goes_in_and_never_comes_out() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    let vault = Vault::start(TOKEN).await;
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let done = set(&owner, "", &body(&vault, "kek")).await.expect(200);
    let seen = owner.get("/api/v1/tenant/keys").await.expect(200);
    let hex = "63616e617279";
    let mut said = vec![done.text, seen.text];
    for table in [
        "keys.external_keys",
        "keys.tenant_keys",
        "identity.replies",
        "bus.outbox",
    ] {
        said.push(test.bench.dump(table).await);
    }
    for text in said {
        assert!(!text.contains("canary") && !text.contains(hex), "{text}");
    }
    let log = test.bench.entries(acme.id).await;
    let entry = log.iter().find(|entry| entry["action"] == "tenant_key.modify").unwrap();
    assert_eq!(entry["changes"]["external"]["after"]["key"], "kek", "{entry}");
}

#[tokio::test]
async fn t22_a_server_that_is_not_well_is_refused_with_its_cause_and_nothing_changes() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    let vault = Vault::start(TOKEN).await;
    let owner = test.client.caller(&acme.caller(Role::Owner));
    owner.get("/api/v1/tenant/keys").await.expect(200);
    let rows = test.bench.rows("keys.tenant_keys").await;
    for (mood, cause) in [
        (Mood::Denied, "403"),
        (Mood::Keyless, "no such key"),
        (Mood::Lying, "another key"),
        (Mood::Redirecting, "307"),
        (Mood::Silent, "does not answer within"),
    ] {
        vault.turn(mood);
        let refused = set(&owner, "", &body(&vault, "kek")).await.expect(409);
        assert!(
            refused.json["detail"].as_str().unwrap().contains(cause),
            "{mood:?}: {}",
            refused.text
        );
    }
    for (field, value, pointer) in [
        ("url", json!("http://10.0.0.1:8200"), "/url"),
        ("url", json!("https://169.254.169.254"), "/url"),
        ("url", json!("https://vault.example:22"), "/url"),
        ("key", json!("../sys"), "/key"),
        ("token", json!("a b"), "/token"),
        ("ca", json!("none"), "/ca"),
    ] {
        let mut body = body(&vault, "kek");
        body[field] = value;
        let refused = set(&owner, "", &body).await.expect(400);
        assert_eq!(refused.json["errors"][0]["pointer"], pointer, "t50: {}", refused.text);
    }
    assert_eq!(test.bench.rows("keys.tenant_keys").await, rows);
    assert!(test.bench.rows("keys.external_keys").await.is_empty());
    for role in [Role::Admin, Role::Auditor, Role::Viewer] {
        set(&test.client.caller(&acme.caller(role)), "", &body(&vault, "kek"))
            .await
            .expect(403);
    }
}

#[tokio::test]
async fn t22_whoever_dies_while_a_keeper_is_changed_leaves_each_value_readable() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    let vaults = [Vault::start(TOKEN).await, Vault::start(TOKEN).await];
    let sealed = seals(&test.bench.db("identity"), acme.id).await;
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let (mut died, mut done, mut limit) = (0, 0, Duration::from_millis(2));
    while done < 3 {
        let to = body(&vaults[died % 2], "kek");
        match tokio::time::timeout(limit, set(&owner, "", &to)).await {
            Err(_) => died += 1,
            Ok(reply) => done += usize::from(reply.status == 200),
        }
        // As a process sees it that has just started; what is under way may end meanwhile.
        opens(&process(&test.bench), acme.id, &sealed).await.unwrap();
        limit = limit.mul_f64(1.4);
        test.bench
            .alter("delete from identity.guesses where $1::uuid is not null", acme.id)
            .await;
    }
    assert!(died > 2, "nobody died on the way");
}

#[tokio::test]
async fn of_many_who_change_the_keeper_at_once_each_does_or_hears_of_the_others() {
    let test = start().await;
    let acme = test.bench.tenant("acme").await;
    let vaults = [Vault::start(TOKEN).await, Vault::start(TOKEN).await];
    let sealed = seals(&test.bench.db("identity"), acme.id).await;
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let bodies: Vec<Value> = (0..8).map(|number| body(&vaults[number % 2], "kek")).collect();
    let replies = join_all(bodies.iter().map(|body| set(&owner, "", body))).await;
    let done = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(done >= 1 && replies.iter().all(|reply| [200, 409].contains(&reply.status.as_u16())));
    let seen = shown(&owner).await;
    assert_eq!(seen["version"], json!(1 + done));
    opens(&process(&test.bench), acme.id, &sealed).await.unwrap();
}

#[tokio::test]
async fn a_key_is_rotated_moved_given_a_new_token_and_given_back() {
    let (test, clock) = held().await;
    let acme = test.bench.tenant("acme").await;
    let [first, second] = [Vault::start(TOKEN).await, Vault::start(TOKEN).await];
    let db = test.bench.db("identity");
    let sealed = seals(&db, acme.id).await;
    let owner = test.client.caller(&acme.caller(Role::Owner));
    let readable = async || opens(&process(&test.bench), acme.id, &sealed).await.unwrap();
    for (vault, key) in [(&first, "kek"), (&first, "kek-2"), (&second, "kek-2")] {
        set(&owner, "", &body(vault, key)).await.expect(200);
        readable().await;
    }
    owner.post("/api/v1/tenant/keys:rotate", json!({})).await.expect(200);
    readable().await;
    // The servers before are needed no more.
    first.turn(Mood::Denied);
    readable().await;

    // A token that has ended is replaced, though nothing can be read without it.
    second.take("hvs.the-next");
    clock.advance(Duration::from_mins(6));
    assert!(opens(&db, acme.id, &sealed).await.is_err());
    let mut next = body(&second, "kek-2");
    set(&owner, "", &next).await.expect(409);
    next["token"] = json!("hvs.the-next");
    set(&owner, "", &next).await.expect(200);
    readable().await;

    // Nobody signs in to do that, so the operator may, with a token that is good and for the same key.
    second.take("hvs.third");
    clock.advance(Duration::from_mins(6));
    assert!(opens(&db, acme.id, &sealed).await.is_err());
    let operator = process_of(&test.bench, "identity");
    for (token, good) in [("hvs.wrong", false), ("hvs.third", true)] {
        let renewed = renew_key_token(&operator, acme.id, &token.to_owned().into()).await;
        assert_eq!(renewed.is_ok(), good, "{renewed:?}");
    }
    clock.advance(Duration::from_secs(31));
    opens(&db, acme.id, &sealed).await.unwrap();

    // Its life is lengthened before it ends.
    clock.advance(Duration::from_hours(2));
    check(&db).await.unwrap();
    assert!(second.asked().iter().any(|path| path.ends_with("renew-self")));

    second.turn(Mood::Denied);
    clock.advance(Duration::from_mins(6));
    assert_eq!(owner.delete(PATH).await.expect(503).code(), "key_unavailable");
    second.turn(Mood::Well);
    clock.advance(Duration::from_mins(1));
    let back = owner.delete(PATH).await.expect(200).json;
    assert_eq!((&back["provider"], &back["external"]), (&json!("file"), &json!(null)));
    second.turn(Mood::Denied);
    readable().await;
}

#[tokio::test]
async fn t01_each_tenant_sees_and_changes_its_own_keeper_alone() {
    let test = start().await;
    let (acme, byte) = (test.bench.tenant("acme").await, test.bench.tenant("byte").await);
    let vault = Vault::start(TOKEN).await;
    set(&test.client.caller(&acme.caller(Role::Owner)), "", &body(&vault, "kek"))
        .await
        .expect(200);
    let other = test.client.caller(&byte.caller(Role::Owner));
    let seen = other.get("/api/v1/tenant/keys").await.expect(200);
    assert!(seen.json["external"].is_null() && !seen.text.contains(&vault.url()));
    other.delete(PATH).await.expect(200);
    assert_eq!(test.bench.rows("keys.external_keys").await.len(), 1);
    // The row of another tenant opens nothing here.
    let db = test.bench.db("identity");
    db.keys(byte.id).await.unwrap();
    let mut sql = test.bench.superuser().await;
    sqlx::query("update keys.external_keys set tenant_id = $1")
        .bind(byte.id)
        .execute(&mut sql)
        .await
        .unwrap();
    sqlx::query("update keys.tenant_keys set provider = 'external' where tenant_id = $1")
        .bind(byte.id)
        .execute(&mut sql)
        .await
        .unwrap();
    assert!(matches!(
        process(&test.bench).keys(byte.id).await,
        Err(KeyError::External(_))
    ));
}
