//! Signing in by a provider, against one that does as it is told.

mod hostile;
mod keycloak;
mod linking;
mod people;

use auth::Role;
use clock::Clock;
use serde_json::{Value, json};
use testkit::TestTenant;

use crate::testing::Test;
use crate::testing::provider::{CLIENT, FakeProvider, SECRET, start_near};

/// A tenant `acme` with a provider `corp` that makes people.
struct World {
    test: Test,
    tenant: TestTenant,
    corp: FakeProvider,
    clock: Clock,
}

async fn world(more: Value) -> World {
    let clock = Clock::held_at(Clock::system().now());
    let corp = FakeProvider::start(&clock).await;
    let test = start_near(&clock, &[&corp]).await;
    let tenant = test.bench.tenant("acme").await;
    let world = World {
        test,
        tenant,
        corp,
        clock,
    };
    world.set_up("corp", &world.corp.issuer, more).await;
    world
}

impl World {
    async fn set_up(&self, name: &str, issuer: &str, more: Value) {
        let mut body =
            json!({"name": name, "issuer": issuer, "client_id": CLIENT, "client_secret": SECRET, "create_users": true});
        for (field, value) in more.as_object().unwrap() {
            body[field] = value.clone();
        }
        let owner = self.test.client.caller(&self.tenant.caller(Role::Owner));
        owner.post("/api/v1/identity-providers", body).await.expect(201);
    }

    async fn come(&self, claims: &Value) -> testkit::Reply {
        self.test.by_provider("acme", ("corp", &self.corp), claims).await
    }

    async fn denied_why(&self) -> String {
        let log = self.test.dump("bus.outbox").await;
        log.lines()
            .rfind(|line| line.contains("denied"))
            .unwrap_or_default()
            .to_owned()
    }
}

fn ada() -> Value {
    json!({"sub": "ada-1", "email": "Ada@example.com", "email_verified": true, "name": "Ada Lovelace"})
}
