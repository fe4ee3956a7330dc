//! The service as its endpoint tests see it.

use testkit::{Bench, Client, TestTenant};

use crate::password::Cost;
use crate::service::{Deps, Service};
use crate::settings::Settings;

pub(crate) const ISSUER: &str = "https://cloud.example";

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    let bench = Bench::new().await;
    start_on(bench, &settings()).await
}

/// Hashes that cost next to nothing: what they cost is tested where they are made.
pub(crate) fn settings() -> Settings {
    Settings { password: Cost { memory_kib: 64, passes: 1, lanes: 1 }, ..Settings::default() }
}

/// The service with these settings in this world.
pub(crate) async fn start_on(bench: Bench, settings: &Settings) -> Test {
    let deps = Deps {
        db: bench.db("identity"),
        key: bench.key.clone(),
        kek: bench.kek.clone(),
        issuer: ISSUER.to_owned(),
    };
    let service = Service::build(settings, deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    Test { bench, client }
}

impl Test {
    /// Action and outcome of each audit entry of a tenant, oldest first.
    pub async fn audit(&self, tenant: &TestTenant) -> Vec<(String, String)> {
        self.bench.audit(tenant.id).await
    }
}
