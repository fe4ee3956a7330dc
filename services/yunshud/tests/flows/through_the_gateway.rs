//! A whole platform in one process, reached as a customer reaches it: TLS, passwords, tokens.

use std::time::Duration;

use host_sim::{Knobs, SimHost};
use reqwest::{Certificate, Method, StatusCode};
use secrecy::SecretString;
use serde_json::{Value, json};
use testkit::{Bench, eventually};
use tokio_util::sync::CancellationToken;
use yunshud::config::Config;
use yunshud::platform::{self, Platform};

use crate::kit::digest;

pub(crate) const PASSWORD: &str = "correct horse battery staple 9";

pub struct Cloud {
    pub bench: Bench,
    pub http: reqwest::Client,
    pub base: String,
    ca: Vec<u8>,
    platform: Platform,
    config: Config,
    files: tempfile::TempDir,
}

impl Cloud {
    pub async fn start() -> Self {
        Self::start_with(|_| ()).await
    }

    /// One that is set up in another way.
    pub async fn start_with(change: impl FnOnce(&mut Value)) -> Self {
        platform::install_providers();
        let bench = Bench::new().await;
        let files = tempfile::tempdir().unwrap();
        let mut config = configure(&bench, files.path());
        change(&mut config);
        let config: Config = serde_json::from_value(config).unwrap();
        let platform = Platform::start(&config, &[], bench.shutdown.clone()).unwrap();
        let ca = std::fs::read(files.path().join("pki/ca.pem")).unwrap();
        let root = Certificate::from_pem(&ca).unwrap();
        #[expect(clippy::disallowed_methods, reason = "a customer's client, to loopback")]
        let http = reqwest::Client::builder()
            .tls_certs_only([root])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        let base = format!("https://localhost:{}", platform.doors.unwrap().tls.port());
        Self {
            bench,
            http,
            base,
            ca,
            platform,
            config,
            files,
        }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    /// The platform's public keys.
    pub async fn jwks(&self) -> Value {
        let keys = format!("{}/.well-known/jwks.json", self.base);
        self.http.get(keys).send().await.unwrap().json().await.unwrap()
    }

    /// Where the certificate of its authority is.
    pub fn authority(&self) -> std::path::PathBuf {
        self.files.path().join("pki/ca.pem")
    }

    /// What tokens say who made them.
    pub fn issuer(&self) -> &str {
        &self.config.issuer
    }

    /// The private key of that id.
    pub async fn signer(&self, kid: &str) -> auth::token::Signer {
        let keys = self.bench.dump("identity.signing_keys").await;
        let row = keys.lines().find(|row| row.contains(kid)).unwrap();
        let hex = row.split_once("\\x").unwrap().1.split('"').next().unwrap();
        let bytes: Vec<u8> = (0..hex.len() / 2)
            .map(|at| u8::from_str_radix(&hex[at * 2..at * 2 + 2], 16).unwrap())
            .collect();
        let kek = crypto::Kek::open_or_make(&self.files.path().join("kek")).unwrap();
        let place = crypto::Place {
            tenant: auth::PLATFORM,
            table: "identity.signing_keys",
            column: "sealed",
            row: kid,
        };
        auth::token::Signer::open(&kek.open_sealed(&place, &bytes).unwrap()).unwrap()
    }

    pub async fn sign_up(&self, tenant: &str) -> Session {
        let email = format!("owner@{tenant}.example");
        let body = json!({"tenant": {"name": tenant}, "user": {"email": email, "password": PASSWORD}});
        let (status, made) = self.ask(Method::POST, "/auth/signup", None, Some(body)).await;
        assert_eq!(status, 201, "{made}");
        self.sign_in(&email).await
    }

    pub async fn sign_in(&self, email: &str) -> Session {
        let body = json!({"email": email, "password": PASSWORD});
        let (status, session) = self.ask(Method::POST, "/auth/login", None, Some(body)).await;
        assert_eq!(
            (status.as_u16(), &session["status"]),
            (200, &json!("authenticated")),
            "{session}"
        );
        let text = |name: &str| session[name].as_str().unwrap().to_owned();
        Session {
            access: text("access_token"),
            refresh: text("refresh_token"),
        }
    }

    async fn operator(&self) -> Session {
        self.operator_called("root@platform.example").await
    }

    /// A person of the platform, signed in.
    pub async fn operator_called(&self, email: &str) -> Session {
        let kek = crypto::Kek::open_or_make(&self.files.path().join("kek")).unwrap();
        let ring = platform::keyring(&self.config, &kek).unwrap();
        let db = self.bench.db("identity").with_keys(ring);
        let password = SecretString::from(PASSWORD.to_owned());
        identity::bootstrap_operator(&db, &self.config.identity, email, &password)
            .await
            .unwrap();
        self.sign_in(email).await
    }

    /// A pool with one simulated host, a flavor and an image; returns the host.
    async fn furnish(&self, operator: &Session) -> SimHost {
        let made = |reply: (StatusCode, Value)| assert_eq!(reply.0, 201, "{}", reply.1);
        let post = |path: &'static str, body: Value| self.ask(Method::POST, path, Some(&operator.access), Some(body));
        made(
            post(
                "/system/pools",
                json!({"name": "main", "overcommit": {"cpu": 4.0, "memory": 1.0}, "policy": "spread"}),
            )
            .await,
        );
        made(
            post(
                "/system/flavors",
                json!({"name": "small", "vcpus": 1, "memory_mib": 128, "disk_gib": 1}),
            )
            .await,
        );
        for (name, bytes) in [("vmlinuz", b"kernel"), ("initrd", b"initrd")] {
            std::fs::write(self.files.path().join(name), bytes).unwrap();
        }
        let source = |name: &str, bytes: &[u8]| json!({"path": name, "sha256": digest(bytes)});
        made(
            post(
                "/system/images",
                json!({"name": "tiny", "kind": "kernel", "source": source("vmlinuz", b"kernel"),
                       "initrd": source("initrd", b"initrd"), "cmdline": "console=ttyS0"}),
            )
            .await,
        );
        let (status, token) = post("/system/hosts/enrolments", json!({"pool": "main", "expires_in": 600})).await;
        assert_eq!(status, 201, "{token}");
        let roots = Some(String::from_utf8(self.ca.clone()).unwrap());
        let knobs = Knobs {
            name: "host-1".to_owned(),
            roots,
            ..Knobs::default()
        };
        SimHost::enrol(self.base.parse().unwrap(), token["token"].as_str().unwrap(), knobs)
            .await
            .unwrap()
    }
}

pub struct Session {
    pub access: String,
    pub refresh: String,
}

/// What the platform is told, all of it on loopback.
pub fn configure(bench: &Bench, files: &std::path::Path) -> Value {
    crypto::Kek::open_or_make(&files.join("kek")).unwrap();
    crypto::read_or_make_key(&files.join("log.key")).unwrap();
    std::fs::create_dir(files.join("portal")).unwrap();
    std::fs::write(files.join("portal/index.html"), "<!doctype html><title>Yunshu</title>").unwrap();
    std::fs::write(
        files.join("portal/reference.html"),
        "<!doctype html><title>Reference</title>",
    )
    .unwrap();
    let to = bench.connect();
    // All that the tests ask comes from one address; what a rate does is tested at the gateway.
    let auth = json!({"per_second": 1_000, "burst": 1_000});
    json!({
        "database": {"host": to.host, "port": to.port, "name": to.name},
        "audit": {"log": {"key": files.join("log.key"), "checkpoints": files.join("checkpoints")}},
        "crypto": {"kek": files.join("kek")},
        "gateway": {
            "tls": "127.0.0.1:0", "plain": "127.0.0.1:0", "pki": files.join("pki"), "workers": 1, "rates": {"auth": auth},
        },
        "compute": {"images": files.join("images"), "uploads": files},
        "portal": {"assets": files.join("portal")},
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sign_up_to_a_running_machine_and_back_to_nothing() {
    let cloud = Cloud::start().await;
    let operator = cloud.operator().await;
    let host = cloud.furnish(&operator).await;
    let stop = CancellationToken::new();
    let (host, running) = (std::sync::Arc::new(host), stop.clone());
    let agent = std::sync::Arc::clone(&host);
    #[expect(clippy::disallowed_methods, reason = "the test's own token ends it")]
    let agent = tokio::spawn(async move { agent.run(running).await });

    let owner = cloud.sign_up("acme").await;
    let token = Some(owner.access.as_str());
    let body = json!({"name": "web-1", "flavor": "small", "image": "tiny"});
    let (status, vm) = cloud
        .ask(Method::POST, "/projects/default/vms", token, Some(body))
        .await;
    assert_eq!(status, 202, "{vm}");
    let path = format!("/projects/default/vms/{}", vm["id"].as_str().unwrap());

    let running = eventually("the machine runs", || async {
        let (_, vm) = cloud.ask(Method::GET, &path, token, None).await;
        (vm["status"] == "running").then_some(vm)
    })
    .await;
    assert_eq!(host.domains().len(), 1);
    assert!(
        !running.to_string().contains("\"host-1\""),
        "tenants see an alias: {running}"
    );

    let (status, _) = cloud.ask(Method::DELETE, &path, token, None).await;
    assert_eq!(status, 202);
    eventually("the machine is gone", || async {
        (cloud.ask(Method::GET, &path, token, None).await.0 == 404).then_some(())
    })
    .await;
    assert_eq!(host.domains().len(), 0);

    let actions = eventually("the log has it all", || async {
        let (_, log) = cloud
            .ask(Method::GET, "/audit/events?limit=1000&sort=created_at", token, None)
            .await;
        let actions: Vec<String> = log["items"]
            .as_array()?
            .iter()
            .map(|entry| entry["action"].as_str().unwrap_or_default().to_owned())
            .collect();
        actions.contains(&"vm.delete".to_owned()).then_some(actions)
    })
    .await;
    for action in ["tenant.create", "session.create", "vm.create", "vm.delete"] {
        assert!(actions.contains(&action.to_owned()), "{action} in {actions:?}");
    }
    stop.cancel();
    agent.await.unwrap();
    cloud.platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_a_session_that_was_ended_is_refused_within_seconds() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let (status, me) = cloud.ask(Method::GET, "/me", Some(&owner.access), None).await;
    assert_eq!((status.as_u16(), &me["tenant"]["name"]), (200, &json!("acme")));
    let (status, renewed) = cloud
        .ask(
            Method::POST,
            "/auth/refresh",
            None,
            Some(json!({"refresh_token": owner.refresh})),
        )
        .await;
    assert_eq!(status, 200, "{renewed}");
    let (status, _) = cloud.ask(Method::POST, "/auth/logout", Some(&owner.access), None).await;
    assert!(status.is_success(), "{status}");
    let ended = std::time::Instant::now();
    eventually("the token is refused", || async {
        (cloud.ask(Method::GET, "/me", Some(&owner.access), None).await.0 == 401).then_some(())
    })
    .await;
    assert!(ended.elapsed() < Duration::from_secs(6), "{:?}", ended.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn t17_whoever_was_invited_comes_in_and_whoever_is_disabled_is_out_within_seconds() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let token = Some(owner.access.as_str());
    let invited = json!({"email": "grace@acme.example", "role": "viewer"});
    let (status, _) = cloud
        .ask(Method::POST, "/invitations", None, Some(invited.clone()))
        .await;
    assert_eq!(status, 401);
    let (status, made) = cloud.ask(Method::POST, "/invitations", token, Some(invited)).await;
    assert_eq!(status, 201, "{made}");
    let accept = json!({"token": made["token"], "password": PASSWORD});
    let (status, joined) = cloud
        .ask(Method::POST, "/auth/accept-invitation", None, Some(accept))
        .await;
    assert_eq!(status, 201, "{joined}");
    let grace = cloud.sign_in("grace@acme.example").await;
    let (status, me) = cloud.ask(Method::GET, "/me", Some(&grace.access), None).await;
    assert_eq!((status.as_u16(), &me["roles"]), (200, &json!(["viewer"])));

    let url = format!("{}/api/v1/users/{}", cloud.base, joined["user_id"].as_str().unwrap());
    let disable = cloud.http.patch(url).bearer_auth(&owner.access).header("if-match", "*");
    let disabled = disable.json(&json!({"enabled": false})).send().await.unwrap();
    assert_eq!(disabled.status(), 200);
    let begin = std::time::Instant::now();
    eventually("the token is refused", || async {
        (cloud.ask(Method::GET, "/me", Some(&grace.access), None).await.0 == 401).then_some(())
    })
    .await;
    assert!(begin.elapsed() < Duration::from_secs(6), "{:?}", begin.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn t09_nothing_forged_gets_through_the_gateway() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let stranger = auth::passport::Key::random();
    let passport = auth::passport::Passport {
        bearer: auth::passport::Bearer::Platform("gateway".to_owned()),
        address: None,
        request: ids::RequestId::mint(),
        expires: i64::MAX,
    };
    let forged = stranger.seal(&passport);
    let url = format!("{}/api/v1/me", cloud.base);
    let bare = cloud
        .http
        .get(&url)
        .header(auth::passport::HEADER, &forged)
        .send()
        .await
        .unwrap();
    assert_eq!(bare.status(), 401);
    let signed = cloud
        .http
        .get(&url)
        .bearer_auth(&owner.access)
        .header(auth::passport::HEADER, &forged);
    assert_eq!(signed.send().await.unwrap().status(), 200, "ours replaces theirs");
    let internal = format!("{}/internal/sessions/{}", cloud.base, ids::SessionId::mint());
    let hidden = cloud
        .http
        .get(internal)
        .bearer_auth(&owner.access)
        .send()
        .await
        .unwrap();
    assert_eq!(hidden.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn t14_what_asks_for_a_fresh_factor_is_done_after_one_was_shown() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let guarded = async || {
        let request = cloud
            .http
            .post(format!("{}/api/v1/me/mfa/totp", cloud.base))
            .bearer_auth(&owner.access)
            .json(&json!({"name": "Phone"}));
        request.send().await.unwrap()
    };
    // Somebody who signed in an hour ago; before the gateway has asked for their standing.
    let hour_ago = "update identity.sessions set factor_at = factor_at - interval '1 hour' where tenant_id <> $1";
    cloud.bench.alter(hour_ago, auth::PLATFORM).await;
    let refused = guarded().await;
    assert_eq!(refused.status(), 403);
    let challenge = refused.headers()["www-authenticate"].to_str().unwrap().to_owned();
    assert!(
        challenge.contains("insufficient_user_authentication") && challenge.contains("max_age=\"900\""),
        "{challenge}"
    );
    assert_eq!(refused.json::<Value>().await.unwrap()["code"], "step_up_required");

    let wrong = json!({"password": "an entirely wrong one"});
    let token = Some(owner.access.as_str());
    let (status, _) = cloud.ask(Method::POST, "/auth/step-up", token, Some(wrong)).await;
    assert_eq!(status, 400);
    let right = json!({"password": PASSWORD});
    let (status, answer) = cloud.ask(Method::POST, "/auth/step-up", token, Some(right)).await;
    assert_eq!(status, 200, "{answer}");
    let shown = std::time::Instant::now();
    let made = eventually("the factor is felt", || async {
        let answer = guarded().await;
        (answer.status() == 201).then_some(answer)
    })
    .await;
    assert!(shown.elapsed() < Duration::from_secs(6), "{:?}", shown.elapsed());
    assert!(made.json::<Value>().await.unwrap()["secret"].is_string());
    cloud.platform.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_lets_programs_in_until_it_is_revoked() {
    let cloud = Cloud::start().await;
    let owner = cloud.sign_up("acme").await;
    let token = Some(owner.access.as_str());
    let body = json!({"name": "ci", "networks": ["127.0.0.0/8", "::1/128"]});
    let (status, made) = cloud.ask(Method::POST, "/me/api-keys", token, Some(body)).await;
    assert_eq!(status, 201, "{made}");
    let key = made["key"].as_str();
    let own = format!("/me/api-keys/{}", made["api_key"]["id"].as_str().unwrap());
    let (status, me) = cloud.ask(Method::GET, "/me", key, None).await;
    assert_eq!((status.as_u16(), &me["tenant"]["name"]), (200, &json!("acme")));
    let (status, project) = cloud
        .ask(Method::POST, "/projects", key, Some(json!({"name": "shop"})))
        .await;
    assert_eq!(status, 201, "{project}");
    let (_, seen) = cloud.ask(Method::GET, &own, token, None).await;
    assert!(seen["used_at"].is_string() && seen["used_from"].is_string(), "{seen}");

    // What asks for a fresh factor is not for keys, even where the scopes name it.
    let maker = json!({"name": "maker", "scopes": ["api_key.create"]});
    let (_, maker) = cloud.ask(Method::POST, "/me/api-keys", token, Some(maker)).await;
    let (status, refused) = cloud
        .ask(
            Method::POST,
            "/me/api-keys",
            maker["key"].as_str(),
            Some(json!({"name": "more"})),
        )
        .await;
    assert_eq!((status.as_u16(), &refused["code"]), (403, &json!("step_up_required")));
    let (status, refused) = cloud
        .ask(Method::POST, "/me/api-keys", key, Some(json!({"name": "more"})))
        .await;
    assert_eq!((status.as_u16(), &refused["code"]), (403, &json!("forbidden")));

    let (status, _) = cloud.ask(Method::DELETE, &own, token, None).await;
    assert_eq!(status, 204);
    let revoked = std::time::Instant::now();
    eventually("the key is refused", || async {
        (cloud.ask(Method::GET, "/me", key, None).await.0 == 401).then_some(())
    })
    .await;
    assert!(revoked.elapsed() < Duration::from_secs(6), "{:?}", revoked.elapsed());
}
