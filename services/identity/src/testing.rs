//! The service as its endpoint tests see it.

use testkit::{Bench, Client, TestTenant};

use crate::service::{Deps, Service};
use crate::settings::Settings;

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    let bench = Bench::new().await;
    let deps = Deps { db: bench.db("identity"), key: bench.key.clone() };
    let service = Service::build(&Settings::default(), deps).unwrap();
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
