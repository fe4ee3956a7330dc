//! What must not tell who has an account: the same words, the same statements and the same hash work, whoever is asked for.
//! How long it takes follows from these; a clock in a test would only tell how busy the machine is.

use serde_json::{Value, json};
use testkit::{Bench, Wire};

use crate::guess::{Limit, Limits};
use crate::password::{Cost, work};
use crate::settings::Settings;
use crate::testing::{PASSWORD, Test, settings, start_alone};

const WRONG: &str = "an entirely wrong one";

/// All that one request could be told apart by.
#[derive(Debug, Clone, PartialEq)]
struct Trace {
    answer: (u16, String, String),
    headers: Vec<(String, String)>,
    statements: Vec<String>,
    hashes: Vec<(u32, u32)>,
}

struct World {
    test: Test,
    wire: Wire,
    /// By which its hashes are known among those of other tests.
    memory_kib: u32,
}

impl World {
    async fn start(memory_kib: u32) -> Self {
        let bench = Bench::new().await;
        let wire = Wire::of(&bench);
        let db = wire.db(&bench, "identity");
        let many = Limit {
            burst: 10_000,
            refill_seconds: 1,
        };
        let patient = Settings {
            password: Cost {
                memory_kib,
                ..settings().password
            },
            guesses: Limits {
                pair: many,
                address: many,
                account: many,
                proof: many,
            },
            ..settings()
        };
        let test = start_alone(bench, db, &patient);
        Self { test, wire, memory_kib }
    }

    /// From an address where nobody has signed in, as a stranger would.
    async fn trace(&self, path: &str, body: Value) -> Trace {
        let stranger = self.test.client.at([198, 51, 100, 7].into());
        self.wire.take();
        work::take(self.memory_kib);
        let reply = stranger.post(path, body).await;
        let mut statements = self.wire.take();
        // A pool asks it of each connection that it makes.
        statements.retain(|said| said != "show server_version_num");
        let named = |name: &str| ["date", "x-request-id"].contains(&name);
        let headers = reply.headers.iter().filter(|(name, _)| !named(name.as_str()));
        Trace {
            answer: reply.without_request(),
            headers: headers
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect(),
            statements,
            hashes: work::take(self.memory_kib),
        }
    }
}

#[tokio::test]
async fn t05_t11_a_failed_sign_in_is_the_same_whoever_it_was_for() {
    let world = World::start(88).await;
    let (plain, careful, gone, strict) = (
        world.test.sign_up("plain").await,
        world.test.sign_up("careful").await,
        world.test.sign_up("gone").await,
        world.test.sign_up("strict").await,
    );
    world.test.enrol(&careful).await;
    world.test.disable(&gone).await;
    let rules = "second_factor = 'everyone', password_profile = 'mlps3', password_history = 10";
    world.test.rules(strict.tenant, rules).await;
    for tenant in ["one", "two"] {
        let body = json!({"tenant": {"name": tenant}, "user": {"email": "both@example.com", "password": PASSWORD}});
        world.test.client.post("/api/v1/auth/signup", body).await.expect(201);
    }
    let sign_in = |body: Value| world.trace("/api/v1/auth/login", body);

    let unknown = sign_in(json!({"email": "nobody@plain.example", "password": WRONG})).await;
    assert_eq!(unknown.answer.0, 401);
    assert_eq!(unknown.hashes, [(1, 1)], "one hash, for nobody as for somebody");
    assert!(unknown.statements.len() > 6, "{:#?}", unknown.statements);
    for email in [
        &plain.email,
        &careful.email,
        &gone.email,
        &strict.email,
        "both@example.com",
    ] {
        let known = sign_in(json!({"email": email, "password": WRONG})).await;
        assert_eq!(known, unknown, "{email}");
    }
    // The right password of somebody who may be any of two is no better than a wrong one.
    let right = sign_in(json!({"email": "both@example.com", "password": PASSWORD})).await;
    assert_eq!(right, unknown);

    let named = |email: &str, tenant: &str| json!({"email": email, "password": WRONG, "tenant": tenant});
    let unknown = sign_in(named("nobody@plain.example", "plain")).await;
    for (email, tenant) in [
        (plain.email.as_str(), "plain"),
        (plain.email.as_str(), "careful"),
        (careful.email.as_str(), "careful"),
        (gone.email.as_str(), "gone"),
        (strict.email.as_str(), "strict"),
        (plain.email.as_str(), "nowhere"),
        ("nobody@plain.example", "nowhere"),
    ] {
        assert_eq!(sign_in(named(email, tenant)).await, unknown, "{email} of {tenant}");
    }
}

#[tokio::test]
async fn t05_t11_a_lost_password_is_told_of_the_same_way_whosever_it_is() {
    let world = World::start(96).await;
    let owner = world.test.sign_up("acme").await;
    let lost = |email: &str| world.trace("/api/v1/auth/password-reset", json!({"email": email}));
    let unknown = lost("nobody@acme.example").await;
    assert_eq!(unknown.answer.0, 202);
    let written = |said: &String| said.starts_with("insert into identity.errands");
    assert!(unknown.statements.iter().any(written), "{unknown:#?}");
    assert!(unknown.hashes.is_empty(), "{unknown:#?}");
    assert_eq!(lost(&owner.email).await, unknown);
}

#[tokio::test]
async fn t05_t11_what_a_tenant_offers_at_its_door_does_not_tell_that_there_is_one() {
    let world = World::start(104).await;
    world.test.sign_up("acme").await;
    let offers = |tenant: &str| world.trace("/api/v1/auth/oidc/providers", json!({"tenant": tenant}));
    let unknown = offers("nowhere").await;
    assert_eq!(unknown.answer.0, 200);
    assert!(
        unknown.statements.iter().any(|said| said.contains("identity.guesses")),
        "{unknown:#?}"
    );
    for known in ["acme", "platform"] {
        assert_eq!(offers(known).await, unknown, "{known}");
    }
}
