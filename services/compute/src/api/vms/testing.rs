//! A tenant in a cloud with a flavor and an image, as the endpoint tests of machines need it.

use auth::Role;
use serde_json::{Value, json};
use testkit::{Client, TestTenant, eventually};

use crate::testing::{Test, TestHost, session, start};

pub(crate) const VMS: &str = "/api/v1/projects/default/vms";

pub(crate) struct Stocked {
    pub test: Test,
    pub tenant: TestTenant,
    /// The tenant's owner.
    pub owner: Client,
    /// An operator of the platform, of another tenant.
    pub operator: Client,
}

/// No host is there yet.
pub(crate) async fn stocked() -> Stocked {
    let test = start().await;
    let tenant = test.bench.tenant("acme").await;
    let staff = test.bench.tenant("ops").await;
    let (owner, operator) = (test.client.caller(&tenant.caller(Role::Owner)), test.operator(&staff));
    test.flavor(&operator, "small").await;
    test.image(&operator, "demo").await;
    Stocked {
        test,
        tenant,
        owner,
        operator,
    }
}

pub(crate) fn small(name: &str) -> Value {
    json!({"name": name, "flavor": "small", "image": "demo"})
}

impl Stocked {
    /// A host of 4 processors that was heard of and says no more.
    pub async fn host(&self, name: &str) -> TestHost {
        let host = self.test.host(&self.operator, "main", name).await;
        let speaks = self.test.certificate(&host.fingerprint);
        speaks.post("/api/v1/hypervisor/session", session()).await.expect(200);
        host
    }

    /// Reports one machine as its host sees it.
    pub async fn report(&self, host: &TestHost, vm: &Value) -> testkit::Reply {
        let usage = json!({"cpu_percent": 1.0, "memory_used_mib": 1, "disk_used_gib": 1});
        let report = json!({"epoch": 1, "revision": null, "vms": [vm], "usage": usage, "error": null});
        self.test
            .certificate(&host.fingerprint)
            .post("/api/v1/hypervisor/observed", report)
            .await
    }

    /// How much of a resource is used.
    pub async fn quota(&self, resource: &str) -> i64 {
        let quotas = self.owner.get("/api/v1/quotas").await.expect(200);
        let items = quotas.json["items"].as_array().unwrap();
        items.iter().find(|item| item["resource"] == resource).unwrap()["used"]
            .as_i64()
            .unwrap()
    }

    /// Waits until a machine has a status.
    pub async fn until(&self, name: &str, status: &str) -> testkit::Reply {
        let path = format!("{VMS}/{name}");
        eventually(&format!("{name} to be {status}"), || async {
            let reply = self.owner.get(&path).await;
            (reply.json["status"] == status).then_some(reply)
        })
        .await
    }
}

/// What a host says of a machine that it carries.
pub(crate) fn seen(vm: &Value, generation: i64, power: &str, error: &Value) -> Value {
    json!({
        "vm_id": vm["id"], "generation": generation, "epoch": 1, "power": power, "stop_cause": null, "reboots": 0,
        "error": error, "cpu_time_ns": 0, "memory_mib": 0, "console": null, "timings": null,
    })
}
