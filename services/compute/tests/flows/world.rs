use std::sync::Arc;
use std::time::Duration;

use auth::Role;
use auth::passport::{Bearer, HEADER};
use compute::{Deps, Service, Settings};
use host_api::{Capacity, Sha256};
use host_sim::{Knobs, SimHost};
use ids::VmId;
use serde_json::{Value, json};
use testkit::{Bench, Client, Reply, eventually};
use tokio_util::sync::CancellationToken;

pub const VMS: &str = "/api/v1/projects/default/vms";

/// A running cloud: one or more processes of the service on one database, with a flavor of one processor, an image and a
/// pool, and no host yet.
pub struct World {
    pub bench: Bench,
    pub client: Client,
    pub operator: Client,
    folder: std::path::PathBuf,
}

/// A simulated host and its process.
pub struct Host {
    pub sim: Arc<SimHost>,
    process: Option<(CancellationToken, tokio::task::JoinHandle<()>)>,
}

/// A tenant, through its owner.
pub struct Customer {
    pub owner: Client,
}

impl World {
    pub async fn new() -> Self {
        Self::of(1).await
    }

    /// So many processes of the service share the database; requests go to the first.
    pub async fn of(processes: usize) -> Self {
        let bench = Bench::new().await;
        let folder = std::env::temp_dir().join(format!("yunshu-flows-{}", ids::EventId::mint()));
        std::fs::create_dir_all(folder.join("uploads")).unwrap();
        let settings = settings(&folder);
        let mut first = None;
        for _ in 0..processes {
            let deps = Deps {
                db: bench.db("compute"),
                key: bench.key.clone(),
            };
            let service = Service::build(&settings, deps).unwrap();
            first.get_or_insert(service.address());
            bench.run(service.run(bench.shutdown.clone()));
        }
        let client = bench.client(first.unwrap());
        let staff = bench.tenant("ops").await;
        let operator = client.caller(&staff.caller(Role::PlatformOperator));
        let world = Self {
            bench,
            client,
            operator,
            folder,
        };
        world.stock().await;
        world
    }

    async fn stock(&self) {
        let kernel = b"a kernel";
        std::fs::write(self.folder.join("uploads/kernel"), kernel).unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, kernel);
        let sha256 = Sha256::of_digest(digest.as_ref().try_into().unwrap());
        let made = [
            ("pools", json!({"name": "main", "policy": "spread"})),
            (
                "flavors",
                json!({"name": "small", "vcpus": 1, "memory_mib": 128, "disk_gib": 0}),
            ),
            (
                "images",
                json!({"name": "demo", "kind": "kernel", "source": {"path": "kernel", "sha256": sha256}}),
            ),
        ];
        for (what, body) in made {
            self.operator
                .post(&format!("/api/v1/system/{what}"), body)
                .await
                .expect(201);
        }
    }

    /// An enrolled host of so many processors whose process runs.
    pub async fn host(&self, name: &str, vcpus: u32) -> Host {
        self.host_with(name, vcpus, Knobs::default()).await
    }

    pub async fn host_with(&self, name: &str, vcpus: u32, knobs: Knobs) -> Host {
        let ask = json!({"pool": "main"});
        let made = self
            .operator
            .post("/api/v1/system/hosts/enrolments", ask)
            .await
            .expect(201);
        let client = self.client.clone();
        let sign: host_sim::Sign = Arc::new(move |ask, fingerprint| {
            let bearer = Bearer::Certificate(fingerprint.to_string());
            ask.header(HEADER, client.bearer(bearer).passport())
        });
        let capacity = Capacity {
            vcpus,
            memory_mib: 64 * 1024,
            disk_gib: 100,
        };
        let knobs = Knobs {
            name: name.to_owned(),
            capacity,
            sign: Some(sign),
            ..knobs
        };
        let base = self.client.base().parse().unwrap();
        let sim = SimHost::enrol(base, made.json["token"].as_str().unwrap(), knobs)
            .await
            .unwrap();
        let mut host = Host {
            sim: Arc::new(sim),
            process: None,
        };
        host.boot();
        host
    }

    /// A tenant with room for so many machines.
    pub async fn customer(&self, name: &str, vms: u32) -> Customer {
        let tenant = self.bench.tenant(name).await;
        let owner = self.client.caller(&tenant.caller(Role::Owner));
        let path = format!("/api/v1/system/quotas/{}", tenant.id);
        let limits = json!({"vms": vms, "vcpus": vms, "memory_mib": 128 * vms});
        self.operator.patch(&path, "*", limits).await.expect(200);
        Customer { owner }
    }

    /// The books of the database: hosts' room, allocations, machines and quotas agree, and no host is over its capacity.
    pub async fn check_books(&self) {
        let wrong: Vec<String> = sqlx::query_scalar(
            "select 'host ' || h.alias || ': ' || h.vcpus_used || ' of ' || h.vcpus_cap from compute.hosts h
             left join (select host_id, sum(vcpus) v, sum(memory_mib) m from compute.allocations group by host_id) a
                  using (host_id)
             where (h.vcpus_used, h.memory_mib_used) <> (coalesce(a.v, 0), coalesce(a.m, 0)) or h.vcpus_used > h.vcpus_cap
             union all
             select 'allocation ' || coalesce(a.vm_id, v.vm_id) from compute.allocations a
             full join (select * from compute.vms where host_id is not null) v using (tenant_id, vm_id)
             where a.host_id is distinct from v.host_id
             union all
             select 'quota ' || q.tenant_id || ': ' || q.vms_used || ' used' from compute.quotas q
             left join (select tenant_id, count(*) n, sum(vcpus) v from compute.vms group by tenant_id) u using (tenant_id)
             where (q.vms_used, q.vcpus_used) <> (coalesce(u.n, 0), coalesce(u.v, 0))",
        )
        .fetch_all(&mut self.bench.superuser().await)
        .await
        .unwrap();
        assert!(wrong.is_empty(), "the books disagree: {wrong:?}");
    }

    /// A number from the database, as superuser.
    pub async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    /// Makes a state that would take long to come about.
    pub async fn sql(&self, statement: &'static str) {
        sqlx::query(statement)
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// Impatient reconcilers: tests wait for states, not for pauses.
fn settings(folder: &std::path::Path) -> Settings {
    serde_json::from_value(json!({
        "images": folder.join("images"), "uploads": folder.join("uploads"), "workers": 2,
        "work": {"look_every_s": 0.2, "placers": 3, "batch": 5, "retry_base_s": 0.1, "retry_cap_s": 0.5, "lease_s": 2.0},
    }))
    .unwrap()
}

impl Host {
    /// Starts its process.
    pub fn boot(&mut self) {
        let (stop, sim) = (CancellationToken::new(), self.sim.clone());
        let stopped = stop.clone();
        #[expect(clippy::disallowed_methods, reason = "a host's process, ended by the host")]
        let process = tokio::spawn(async move {
            sim.run(stopped).await;
        });
        self.process = Some((stop, process));
    }

    /// Kills its process; what is on the host stays.
    pub async fn kill(&mut self) {
        if let Some((_, process)) = self.process.take() {
            process.abort();
            drop(process.await);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if let Some((stop, process)) = self.process.take() {
            stop.cancel();
            process.abort();
        }
    }
}

impl Customer {
    pub async fn create(&self, name: &str) -> Reply {
        self.owner
            .post(VMS, json!({"name": name, "flavor": "small", "image": "demo"}))
            .await
    }

    /// As a client does that is told to come again later: the same request with the same key.
    pub async fn insist(&self, name: &str) -> Reply {
        eventually(&format!("an answer about {name}"), || async {
            let body = json!({"name": name, "flavor": "small", "image": "demo"});
            let reply = self.owner.post_once(VMS, name, body).await;
            reply.header("retry-after").is_empty().then_some(reply)
        })
        .await
    }

    pub async fn all(&self) -> Vec<Value> {
        let page = self.owner.get(&format!("{VMS}?limit=1000")).await.expect(200);
        page.json["items"].as_array().unwrap().clone()
    }

    /// Waits until the machine of this id has a status.
    pub async fn until(&self, vm: &str, status: &str) -> Value {
        let path = format!("{VMS}/{vm}");
        eventually(&format!("{vm} to be {status}"), || async {
            let reply = self.owner.get(&path).await;
            (reply.json["status"] == status).then_some(reply.json)
        })
        .await
    }

    /// Waits until it is not there any more.
    pub async fn until_gone(&self, vm: &str) {
        let path = format!("{VMS}/{vm}");
        eventually(&format!("{vm} to be gone"), || async {
            (self.owner.get(&path).await.status == 404).then_some(())
        })
        .await;
    }

    /// The end of the operation that this answer speaks of.
    pub async fn end(&self, accepted: &Reply) -> Value {
        let path = format!("{}?wait=20s", accepted.header("operation-location"));
        self.owner.get(&path).await.expect(200).json
    }
}

/// The id of an answered machine.
pub fn id(vm: &Value) -> VmId {
    vm["id"].as_str().unwrap().parse().unwrap()
}

/// A moment of simulated work.
pub const MOMENT: Duration = Duration::from_millis(20);
