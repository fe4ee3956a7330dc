//! The service as its endpoint tests see it.

use std::path::{Path, PathBuf};

use auth::Role;
use auth::passport::Bearer;
use testkit::{Bench, Client, TestTenant};

use crate::service::{Deps, Service};
use crate::settings::Settings;

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
    pub folder: Folder,
}

/// A folder of one test, gone with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("yunshu-compute-{}", ids::EventId::mint()));
        std::fs::create_dir_all(path.join("uploads")).unwrap();
        Self(path)
    }

    pub fn uploads(&self) -> PathBuf {
        self.0.join("uploads")
    }

    pub fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    /// The service's settings with its folders here.
    pub fn settings(&self) -> Settings {
        let json = serde_json::json!({"images": self.images(), "uploads": self.uploads()});
        serde_json::from_value(json).unwrap()
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    start_with(|settings| settings).await
}

/// The same with other settings.
pub(crate) async fn start_with(change: impl FnOnce(Settings) -> Settings) -> Test {
    let bench = Bench::new().await;
    let folder = Folder::new();
    let deps = Deps { db: bench.db("compute"), key: bench.key.clone(), kek: bench.kek.clone() };
    let service = Service::build(&change(folder.settings()), deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    Test { bench, client, folder }
}

impl Test {
    /// Action and outcome of each audit entry of a tenant, oldest first.
    pub async fn audit(&self, tenant: &TestTenant) -> Vec<(String, String)> {
        self.bench.audit(tenant.id).await
    }

    /// A platform operator of this tenant.
    pub fn operator(&self, tenant: &TestTenant) -> Client {
        self.client.caller(&tenant.caller(Role::PlatformOperator))
    }

    /// The holder of a client certificate with this fingerprint.
    pub fn certificate(&self, fingerprint: &str) -> Client {
        self.client.bearer(Bearer::Certificate(fingerprint.to_owned()))
    }
}
