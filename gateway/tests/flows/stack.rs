//! A gateway with fake services behind it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use auth::api_key::ApiKey;
use auth::passport::{Bearer, HEADER, Key, Passport};
use auth::token::{AUDIENCE, Claims, Jwks, Signer};
use auth::{Binding, Changed, Credential, Known, Principal, Role, Standing};
use cache::Cache;
use clock::Clock;
use gateway::{Deps, Gateway, Rate, Settings, Upstreams};
use ids::{ApiKeyId, OperatorAccessId, ServiceAccountId, SessionId, TenantId, UserId};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub const ISSUER: &str = "https://cloud.example";

/// One request as a service got it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub role: &'static str,
    pub method: String,
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub passport: Option<Passport>,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// What the fake services share with the test.
pub struct Behind {
    pub seen: Mutex<Vec<Seen>>,
    pub key: Key,
    pub signer: Mutex<Signer>,
    pub sessions: Mutex<HashMap<SessionId, Standing>>,
    pub api_keys: Mutex<HashMap<ApiKeyId, Standing>>,
    pub accesses: Mutex<HashMap<OperatorAccessId, Standing>>,
    /// Identity answers 503 to everything.
    pub identity_away: AtomicBool,
    pub jwks_asked: AtomicU32,
    pub sessions_asked: AtomicU32,
    /// How many credentials were asked about together.
    pub renewed: AtomicU32,
    /// The queries with which keys were asked about.
    pub keys_asked: Mutex<Vec<String>>,
    /// Roles that say they are not ready.
    pub not_ready: Mutex<Vec<&'static str>>,
}

/// A running gateway and what stands behind it.
pub struct Stack {
    pub behind: Arc<Behind>,
    pub tls: SocketAddr,
    pub plain: SocketAddr,
    pub clock: Clock,
    pub pki: PathBuf,
    pub stop: CancellationToken,
    threads: Vec<JoinHandle<()>>,
    services: CancellationToken,
}

/// Settings that no test runs into by chance.
pub fn settings() -> Settings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!(
        "yunshu-gateway-{}-{}",
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    );
    let mut settings = Settings {
        tls: ([127, 0, 0, 1], 0).into(),
        plain: Some(([127, 0, 0, 1], 0).into()),
        pki: std::env::temp_dir().join(name),
        workers: 1,
        ..Settings::default()
    };
    let plenty = Rate {
        per_second: 100_000,
        burst: 100_000,
    };
    settings.rates.connections = plenty;
    settings.rates.address = plenty;
    settings.rates.auth = plenty;
    settings.rates.tenant = plenty;
    settings
}

impl Stack {
    pub fn start() -> Self {
        Self::with(settings())
    }

    pub fn with(settings: Settings) -> Self {
        Self::with_upstreams(settings, |_| {})
    }

    /// `change` may put other addresses in place of the fake services.
    pub fn with_upstreams(settings: Settings, change: impl FnOnce(&mut Upstreams)) -> Self {
        Self::start_at(settings, Clock::held_at(Clock::system().now()), change)
    }

    pub fn start_at(settings: Settings, clock: Clock, change: impl FnOnce(&mut Upstreams)) -> Self {
        Self::build(settings, clock, Cache::process(Clock::system()), change)
    }

    /// One that counts where others count too.
    pub fn counting(settings: Settings, cache: Cache) -> Self {
        Self::build(settings, Clock::held_at(Clock::system().now()), cache, |_| {})
    }

    fn build(settings: Settings, clock: Clock, cache: Cache, change: impl FnOnce(&mut Upstreams)) -> Self {
        listen();
        auth::token::install_provider();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let behind = Arc::new(Behind {
            seen: Mutex::default(),
            key: Key::random(),
            signer: Mutex::new(Signer::open(&Signer::generate().unwrap()).unwrap()),
            sessions: Mutex::default(),
            api_keys: Mutex::default(),
            accesses: Mutex::default(),
            identity_away: AtomicBool::new(false),
            jwks_asked: AtomicU32::new(0),
            sessions_asked: AtomicU32::new(0),
            renewed: AtomicU32::new(0),
            keys_asked: Mutex::default(),
            not_ready: Mutex::default(),
        });
        let services = CancellationToken::new();
        let mut threads = Vec::new();
        let mut upstreams = Upstreams::default();
        for (role, urls) in [
            ("identity", &mut upstreams.identity),
            ("compute", &mut upstreams.compute),
            ("audit", &mut upstreams.audit),
            ("notify", &mut upstreams.notify),
            ("portal", &mut upstreams.portal),
        ] {
            let (address, thread) = service(role, Arc::clone(&behind), services.clone(), 0);
            urls.push(format!("http://{address}").parse().unwrap());
            threads.push(thread);
        }
        change(&mut upstreams);

        let pki = settings.pki.clone();
        let deps = Deps {
            upstreams,
            passport_key: behind.key.clone(),
            issuer: ISSUER.to_owned(),
            openapi: json!({"openapi": "3.1.0"}),
            clock: clock.clone(),
            mesh: None,
            cache,
        };
        let gateway = Gateway::build(settings, deps).unwrap();
        let (tls, plain) = (gateway.tls_address(), gateway.plain_address().unwrap());
        let stop = CancellationToken::new();
        let token = stop.clone();
        threads.push(std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(gateway.run(token)).unwrap();
        }));
        Self {
            behind,
            tls,
            plain,
            clock,
            pki,
            stop,
            threads,
            services,
        }
    }

    /// What reached services, but for the gateway's own questions.
    pub fn seen(&self) -> Vec<Seen> {
        self.behind.seen.lock().unwrap().clone()
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.plain)
    }

    pub fn secure_url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.tls.port())
    }

    /// A client that trusts the development CA and nothing else.
    #[expect(clippy::disallowed_methods, reason = "a client of the platform, on loopback")]
    pub fn client_with(
        &self,
        change: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> reqwest::Client {
        let ca = std::fs::read(self.pki.join("ca.pem")).unwrap();
        let ca = reqwest::Certificate::from_pem(&ca).unwrap();
        let builder = reqwest::Client::builder()
            .tls_certs_only([ca])
            .timeout(Duration::from_secs(20))
            .no_proxy();
        change(builder).build().unwrap()
    }

    pub fn client(&self) -> reqwest::Client {
        self.client_with(|builder| builder)
    }

    /// A live session with a role, and a token for it.
    pub fn session(&self, role: Role) -> (Claims, String) {
        let claims = Self::claims();
        let bindings = vec![Binding::role(role, None)];
        let standing = Standing::of(
            claims.tenant,
            Principal::User(UserId::from_uuid(claims.sub)),
            bindings,
            None,
        );
        self.behind.sessions.lock().unwrap().insert(claims.sid, standing);
        let token = self.sign(&claims);
        (claims, token)
    }

    /// A live key with a role, and its text. `change` may narrow it.
    pub fn api_key(&self, role: Role, change: impl FnOnce(&mut Standing)) -> (ApiKeyId, String) {
        let (key, text) = ApiKey::generate().unwrap();
        let bindings = vec![Binding::role(role, None)];
        let principal = Principal::ServiceAccount(ServiceAccountId::mint());
        let mut standing = Standing {
            secret: Some(*key.hash()),
            ..Standing::of(TenantId::mint(), principal, bindings, None)
        };
        change(&mut standing);
        self.behind.api_keys.lock().unwrap().insert(key.id, standing);
        (key.id, text)
    }

    pub fn sign(&self, claims: &Claims) -> String {
        self.behind.signer.lock().unwrap().sign(claims).unwrap()
    }

    pub fn claims() -> Claims {
        let now = Clock::system().now().timestamp();
        Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: UserId::mint().as_uuid(),
            tenant: TenantId::mint(),
            sid: SessionId::mint(),
            jti: "1".to_owned(),
            iat: now,
            nbf: now,
            exp: now + 300,
            client_id: None,
        }
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        self.stop.cancel();
        self.services.cancel();
        for thread in self.threads.drain(..) {
            let joined = thread.join();
            assert!(joined.is_ok() || std::thread::panicking(), "a server's thread panicked");
        }
        let _ = std::fs::remove_dir_all(&self.pki);
    }
}

/// Runs a fake service on a thread of its own.
pub fn service(
    role: &'static str,
    behind: Arc<Behind>,
    stop: CancellationToken,
    port: u16,
) -> (SocketAddr, JoinHandle<()>) {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let server = HttpServer::new(move || {
                let behind = Arc::clone(&behind);
                App::new()
                    .app_data(web::PayloadConfig::new(64 << 20))
                    .default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
                        answer(role, Arc::clone(&behind), request, body)
                    }))
            });
            let server = server.workers(1).shutdown_timeout(0).disable_signals();
            let server = server.bind(("127.0.0.1", port)).unwrap();
            tell.send(server.addrs()[0]).unwrap();
            server.shutdown_signal(stop.cancelled_owned()).run().await.unwrap();
        });
    });
    (told.recv().unwrap(), thread)
}

impl Behind {
    /// What identity answers of many at once.
    fn changed(&self, body: &[u8]) -> Vec<Changed> {
        let known: Vec<Known> = serde_json::from_slice(body).unwrap();
        let asked = u32::try_from(known.len()).unwrap();
        let (sessions, keys) = (self.sessions.lock().unwrap(), self.api_keys.lock().unwrap());
        let changed: Vec<Changed> = known
            .into_iter()
            .filter_map(|known| {
                let standing = match known.credential {
                    Credential::Session(id) => sessions.get(&id),
                    Credential::ApiKey(id) => keys.get(&id),
                    other => panic!("{other} is asked for by itself"),
                };
                let same = standing.is_some_and(|standing| standing.print() == known.print);
                (!same).then(|| Changed {
                    credential: known.credential,
                    standing: standing.cloned(),
                })
            })
            .collect();
        self.renewed.fetch_add(asked, Ordering::SeqCst);
        changed
    }
}

/// What a test asks of a service, in the query.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wish {
    status: Option<u16>,
    sleep_ms: u64,
    /// So many events, a little apart.
    events: Option<usize>,
    /// So many bytes.
    bytes: Option<usize>,
    header: Option<String>,
}

async fn answer(role: &'static str, behind: Arc<Behind>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    let passport = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let passport = passport.and_then(|value| behind.key.open(value, Clock::system().now().timestamp()).ok());
    if role == "identity" && behind.identity_away.load(Ordering::SeqCst) {
        return HttpResponse::ServiceUnavailable().finish();
    }
    let from_gateway = passport
        .as_ref()
        .is_some_and(|passport| passport.bearer == Bearer::Platform("gateway".into()));
    match request.path() {
        "/readyz" if behind.not_ready.lock().unwrap().contains(&role) => {
            return HttpResponse::ServiceUnavailable().finish();
        }
        "/readyz" => return HttpResponse::Ok().finish(),
        "/.well-known/jwks.json" if from_gateway => {
            behind.jwks_asked.fetch_add(1, Ordering::SeqCst);
            let keys = vec![behind.signer.lock().unwrap().jwk().clone()];
            return HttpResponse::Ok().json(Jwks { keys });
        }
        path if from_gateway && path.starts_with("/internal/sessions/") => {
            behind.sessions_asked.fetch_add(1, Ordering::SeqCst);
            let session = path.rsplit('/').next().unwrap().parse().unwrap();
            return match behind.sessions.lock().unwrap().get(&session) {
                Some(standing) => HttpResponse::Ok().json(standing),
                None => HttpResponse::NotFound().finish(),
            };
        }
        "/internal/standings" if from_gateway => {
            return HttpResponse::Ok().json(behind.changed(&body));
        }
        path if from_gateway && path.starts_with("/internal/operator-access/") => {
            let access = path.rsplit('/').next().unwrap().parse().unwrap();
            return match behind.accesses.lock().unwrap().get(&access) {
                Some(standing) => HttpResponse::Ok().json(standing),
                None => HttpResponse::NotFound().finish(),
            };
        }
        path if from_gateway && path.starts_with("/internal/api-keys/") => {
            behind
                .keys_asked
                .lock()
                .unwrap()
                .push(request.query_string().to_owned());
            let key = path.rsplit('/').next().unwrap().parse().unwrap();
            return match behind.api_keys.lock().unwrap().get(&key) {
                Some(standing) => HttpResponse::Ok().json(standing),
                None => HttpResponse::NotFound().finish(),
            };
        }
        _ => {}
    }
    let seen = Seen {
        role,
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        headers: request
            .headers()
            .iter()
            .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect(),
        body: body.to_vec(),
        passport,
    };
    behind.seen.lock().unwrap().push(seen);
    grant(role, &request).await
}

async fn grant(role: &'static str, request: &HttpRequest) -> HttpResponse {
    let wish = web::Query::<Wish>::from_query(request.query_string())
        .unwrap()
        .into_inner();
    tokio::time::sleep(Duration::from_millis(wish.sleep_ms)).await;
    let mut answer = HttpResponse::build(wish.status.unwrap_or(200).try_into().unwrap());
    answer
        .insert_header(("Server", "fake/1"))
        .insert_header(("X-Yunshu-Inside", "secret"));
    if let Some((name, value)) = wish.header.as_deref().and_then(|header| header.split_once(':')) {
        answer.insert_header((name, value));
    }
    if let Some(events) = wish.events {
        let events = futures::stream::unfold(0, move |sent| async move {
            if sent == events {
                // A stream of events has no end of its own.
                return std::future::pending().await;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
            Some((
                Ok::<_, std::io::Error>(web::Bytes::from(format!("data: {sent}\n\n"))),
                sent + 1,
            ))
        });
        return answer.content_type("text/event-stream").streaming(events);
    }
    match wish.bytes {
        Some(bytes) => answer.body(vec![b'x'; bytes]),
        None => answer.json(json!({"role": role})),
    }
}

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());

struct Logged;

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOG.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Everything the program says from now on, at the level it would run with.
fn listen() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let lines = tracing_subscriber::fmt()
            .json()
            .with_writer(|| Logged)
            .with_max_level(tracing::Level::INFO);
        lines.init();
    });
}

/// What was logged so far by all tests of this program.
pub fn log() -> String {
    String::from_utf8(LOG.lock().unwrap().clone()).unwrap()
}

/// Waits until `done` says so; fails loudly after ten seconds.
pub async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !done().await {
        assert!(Instant::now() < give_up, "{what}: not within ten seconds");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
