//! One process per role, as the program itself starts them.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use mesh::{Authority, Mesh, Settings};
use reqwest::Certificate;
use rustls::ClientConfig;
use serde_json::{Value, json};
use testkit::{Bench, eventually};

use crate::through_the_gateway::configure;

const SERVICES: [&str; 5] = ["identity", "compute", "audit", "notify", "portal"];

struct Apart {
    processes: BTreeMap<&'static str, Child>,
    listen: BTreeMap<&'static str, SocketAddr>,
    config: Value,
    _bench: Bench,
    files: tempfile::TempDir,
}

/// Below the range that outgoing connections take theirs from: nobody has it when it is needed.
fn free() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = 20_000 + std::process::id() % 10_000;
    (0..1_000)
        .map(|_| start + NEXT.fetch_add(1, Ordering::Relaxed))
        .map(|port| SocketAddr::from(([127, 0, 0, 1], u16::try_from(port).unwrap())))
        .find(|address| TcpListener::bind(address).is_ok())
        .unwrap()
}

fn certificate(files: &Path, roles: &[&str]) -> Settings {
    let now = clock::Clock::system().now();
    let authority = Authority::open(&files.join("mesh"), now).unwrap();
    authority.write(roles, now, 90).unwrap()
}

impl Apart {
    /// Nothing runs yet.
    async fn prepare() -> Self {
        let bench = Bench::new().await;
        let files = tempfile::tempdir().unwrap();
        let mut config = configure(&bench, files.path());
        crypto::read_or_make_key(&files.path().join("passport.key")).unwrap();
        let listen: BTreeMap<&str, SocketAddr> = SERVICES
            .into_iter()
            .chain(["gateway"])
            .map(|role| (role, free()))
            .collect();
        let mut upstreams = json!({"passport_key": files.path().join("passport.key")});
        for role in SERVICES {
            config[role]["listen"] = json!(listen[role]);
            upstreams[role] = json!([format!("https://{}", listen[role])]);
        }
        config["upstreams"] = upstreams;
        config["gateway"]["tls"] = json!(listen["gateway"]);
        config["gateway"]["plain"] = json!(free());
        Self {
            processes: BTreeMap::new(),
            listen,
            config,
            _bench: bench,
            files,
        }
    }

    async fn start() -> Self {
        let mut apart = Self::prepare().await;
        for role in SERVICES.into_iter().chain(["gateway"]) {
            apart.run(role);
        }
        apart
    }

    /// Starts the process of a role.
    fn run(&mut self, role: &'static str) {
        let mut config = self.config.clone();
        let shown = certificate(self.files.path(), &[role]);
        config["mesh"] = json!({"ca": shown.ca, "certificate": shown.certificate, "key": shown.key});
        let process = self.program(role, &config).spawn().unwrap();
        self.processes.insert(role, process);
    }

    fn program(&self, role: &str, config: &Value) -> Command {
        let file = self.files.path().join(format!("{role}.toml"));
        std::fs::write(&file, toml::to_string(config).unwrap()).unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_yunshud"));
        program
            .args(["serve", "--roles", role, "--config"])
            .arg(file)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        program
    }

    #[expect(clippy::disallowed_methods, reason = "a customer's client, to loopback")]
    fn client(&self) -> reqwest::Client {
        let ca = std::fs::read(self.files.path().join("pki/ca.pem")).unwrap();
        reqwest::Client::builder()
            .tls_certs_only([Certificate::from_pem(&ca).unwrap()])
            .no_proxy()
            .build()
            .unwrap()
    }

    /// Waits until every role has an instance that is ready.
    async fn is_ready(&self) -> (reqwest::Client, String) {
        let base = format!("https://localhost:{}", self.listen["gateway"].port());
        eventually("the platform is ready", || async {
            if !self.files.path().join("pki/ca.pem").exists() {
                return None;
            }
            let client = self.client();
            let answer = client.get(format!("{base}/readyz")).send().await.ok()?;
            (answer.status() == 200).then_some((client, base.clone()))
        })
        .await
    }
}

impl Drop for Apart {
    fn drop(&mut self) {
        for process in self.processes.values_mut() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Every TCP port that a process listens on.
fn listening(pid: u32) -> Vec<u16> {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .flatten()
        .filter_map(|entry| std::fs::read_link(entry.path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut ports = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap();
        for line in table.lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            // 0A is LISTEN.
            if fields[3] == "0A" && sockets.iter().any(|inode| inode == fields[9]) {
                let port = fields[1].rsplit(':').next().unwrap();
                ports.push(u16::from_str_radix(port, 16).unwrap());
            }
        }
    }
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// The status of `/readyz`, if there is any answer.
#[expect(clippy::disallowed_methods, reason = "a stranger's client, to loopback")]
async fn ready(address: &str, tls: Option<Arc<ClientConfig>>) -> Option<u16> {
    let builder = reqwest::Client::builder().no_proxy();
    let client = match tls {
        Some(tls) => builder.tls_backend_preconfigured((*tls).clone()),
        None => builder.tls_danger_accept_invalid_certs(true),
    };
    let answer = client.build().unwrap().get(format!("{address}/readyz")).send().await;
    Some(answer.ok()?.status().as_u16())
}

#[tokio::test(flavor = "multi_thread")]
async fn t49_of_all_ports_of_the_platform_only_the_gateways_answers_a_stranger() {
    let apart = Apart::start().await;
    let (client, base) = apart.is_ready().await;
    let body = json!({"tenant": {"name": "acme"},
                      "user": {"email": "owner@acme.example", "password": "correct horse battery staple 9"}});
    let made = client.post(format!("{base}/api/v1/auth/signup")).json(&body).send();
    assert_eq!(made.await.unwrap().status(), 201, "the gateway reaches identity");

    for (role, process) in &apart.processes {
        let ports = listening(process.id());
        if *role == "gateway" {
            assert_eq!(ports.len(), 2, "TLS, and HTTP on loopback");
            assert_eq!(ready(&base, None).await, Some(200));
            continue;
        }
        assert_eq!(
            ports,
            [apart.listen[role].port()],
            "{role} listens where it was told to"
        );
        for scheme in ["http", "https"] {
            let address = format!("{scheme}://127.0.0.1:{}", ports[0]);
            assert_eq!(ready(&address, None).await, None, "{role} by {scheme}");
        }
    }

    // The matrix: who shows what, to each service.
    let elsewhere = tempfile::tempdir().unwrap();
    let show = |files: &Path, role| Mesh::open(&certificate(files, &[role])).unwrap();
    for role in SERVICES {
        let to = format!("https://127.0.0.1:{}", apart.listen[role].port());
        for (files, shown, answers) in [
            (apart.files.path(), "gateway", true),
            (apart.files.path(), "compute", false),
            (apart.files.path(), "identity", false),
            (elsewhere.path(), "gateway", false),
        ] {
            let tls = show(files, shown).client(role).unwrap();
            let answer = ready(&to, Some(tls)).await;
            assert_eq!(answer, answers.then_some(200), "{shown} to {role}");
        }
    }

    a_role_that_dies_takes_no_other_with_it(apart, &client, &base).await;
}

async fn a_role_that_dies_takes_no_other_with_it(mut apart: Apart, client: &reqwest::Client, base: &str) {
    let mut compute = apart.processes.remove("compute").unwrap();
    compute.kill().unwrap();
    compute.wait().unwrap();
    let keys = client
        .get(format!("{base}/.well-known/jwks.json"))
        .send()
        .await
        .unwrap();
    assert_eq!(keys.status(), 200, "identity answers");
    apart.run("compute");
    apart.is_ready().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn t49_a_process_without_a_certificate_of_its_role_does_not_start() {
    let apart = Apart::prepare().await;
    let wrong = certificate(apart.files.path(), &["notify"]);
    let mut with_wrong = apart.config.clone();
    with_wrong["mesh"] = json!({"ca": wrong.ca, "certificate": wrong.certificate, "key": wrong.key});
    for (config, says) in [(&apart.config, "[mesh]"), (&with_wrong, "audit.mesh.yunshu")] {
        let ended = apart.program("audit", config).stderr(Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!ended.status.success() && said.contains(says), "{said}");
    }
}
