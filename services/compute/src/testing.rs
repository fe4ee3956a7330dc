//! The service as its endpoint tests see it.

use std::path::{Path, PathBuf};

use auth::Role;
use auth::passport::Bearer;
use ids::TenantId;
use serde_json::{Value, json};
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
    pub fn new() -> Self {
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
    let deps = Deps {
        db: bench.db("compute"),
        key: bench.key.clone(),
    };
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

    /// Each audit entry of a tenant whole, oldest first.
    pub async fn entries(&self, tenant: TenantId) -> Vec<Value> {
        self.bench.entries(tenant).await
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

/// An enrolled, simulated host.
pub(crate) struct TestHost {
    pub id: String,
    pub fingerprint: String,
    /// What it enrolled with.
    pub enrol: Value,
}

/// The SHA-256 of some bytes, as digests are written.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
    host_api::Sha256::of_digest(digest.as_ref().try_into().unwrap()).to_string()
}

/// What a simulated host of 4 processors sends to enrol.
pub(crate) fn enrol(token: &str, name: &str) -> Value {
    let capacity = json!({"vcpus": 4, "memory_mib": 8192, "disk_gib": 100});
    json!({
        "token": token, "name": name, "capacity": capacity, "domain_type": "qemu", "libvirt_version": "9.0.0",
        "simulated": true,
    })
}

/// What it sends to start a session.
pub(crate) fn session() -> Value {
    let capacity = json!({"vcpus": 4, "memory_mib": 8192, "disk_gib": 100});
    json!({
        "boot_id": "b", "capacity": capacity, "domain_type": "qemu", "libvirt_version": "9.0.0",
        "agent_version": "0.1.0", "simulated": true,
    })
}

impl Test {
    /// Runs one statement as superuser: to make a state that no endpoint makes quickly.
    pub async fn superuser(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    /// Every row of these tables as text, binary columns in hexadecimal digits.
    pub async fn dump(&self, tables: &[&str]) -> String {
        let mut all = String::new();
        for table in tables {
            all += &self.bench.dump(table).await;
        }
        all
    }

    /// A token to enrol a host into this pool, which is made if it is missing.
    pub async fn token(&self, operator: &Client, pool: &str) -> String {
        let made = operator.post("/api/v1/system/pools", json!({"name": pool})).await;
        assert!(made.status == 201 || made.status == 409, "{}", made.text);
        let made = operator
            .post("/api/v1/system/hosts/enrolments", json!({"pool": pool}))
            .await
            .expect(201);
        made.json["token"].as_str().unwrap().to_owned()
    }

    /// An enrolled, simulated host of 4 processors, 8 GiB and 100 GiB of disk.
    pub async fn host(&self, operator: &Client, pool: &str, name: &str) -> TestHost {
        let fingerprint = sha256(name.as_bytes());
        let enrol = enrol(&self.token(operator, pool).await, name);
        let reply = self
            .certificate(&fingerprint)
            .post("/api/v1/hypervisor/enrol", enrol.clone())
            .await
            .expect(200);
        TestHost {
            id: reply.json["host_id"].as_str().unwrap().to_owned(),
            fingerprint,
            enrol,
        }
    }

    /// A flavor of one processor and 128 MiB.
    pub async fn flavor(&self, operator: &Client, name: &str) {
        let body = json!({"name": name, "vcpus": 1, "memory_mib": 128, "disk_gib": 0});
        operator.post("/api/v1/system/flavors", body).await.expect(201);
    }

    /// An image with a kernel that says `kernel of <name>`.
    pub async fn image(&self, operator: &Client, name: &str) {
        self.kernel(operator, name, format!("kernel of {name}").as_bytes())
            .await;
    }

    /// An image with this kernel.
    pub async fn kernel(&self, operator: &Client, name: &str, kernel: &[u8]) {
        std::fs::write(self.folder.uploads().join(name), kernel).unwrap();
        let body = json!({"name": name, "kind": "kernel", "source": {"path": name, "sha256": sha256(kernel)}});
        operator.post("/api/v1/system/images", body).await.expect(201);
    }
}
