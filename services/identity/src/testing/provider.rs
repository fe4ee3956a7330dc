//! An `OpenID` provider that does as a test says, good or bad.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use clock::Clock;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use testkit::{Bench, Reply};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Test, settings, start_on};
use crate::provider::settings::ProviderSettings;
use crate::settings::Settings;

/// How tokens are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sign {
    Well,
    None,
    /// HMAC with the public key, which everybody has.
    PublicKey,
    /// HMAC with the client's secret.
    ClientSecret,
    /// Another key under the same id.
    OtherKey,
    /// A key id that is not published.
    UnknownKey,
}

/// How a document comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    Well,
    Huge,
    Redirected,
    Never,
    Html,
}

/// What the provider does. Claims put here stand above all others; null takes one away.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    pub sign: Sign,
    pub discovery: Comes,
    pub token: Comes,
    pub document: Value,
    pub claims: Value,
    pub userinfo: Value,
    /// What `at_hash` is made of.
    pub hashed: &'static str,
    pub kid: String,
    pub fetched_keys: usize,
    pub fetched_documents: usize,
    codes: HashMap<String, (String, Value)>,
}

#[derive(Clone)]
pub(crate) struct FakeProvider {
    pub issuer: String,
    port: u16,
    clock: Clock,
    keys: Arc<(EcdsaKeyPair, EcdsaKeyPair)>,
    script: Arc<Mutex<Script>>,
}

/// Somebody at the provider's door.
pub(crate) struct AtDoor {
    pub secret: String,
    pub url: reqwest::Url,
}

impl AtDoor {
    pub fn query(&self, name: &str) -> String {
        let pair = self.url.query_pairs().find(|(key, _)| key == name);
        pair.map(|(_, value)| value.into_owned()).unwrap_or_default()
    }
}

const ACCESS: &str = "an-access-token";
pub(crate) const CLIENT: &str = "yunshu";
pub(crate) const SECRET: &str = "the-secret-of-the-client";

impl FakeProvider {
    pub async fn start(clock: &Clock) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let key = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap()
        };
        let provider = Self {
            issuer: format!("http://127.0.0.1:{port}/realms/corp"),
            port,
            clock: clock.clone(),
            keys: Arc::new((key(), key())),
            script: Arc::new(Mutex::new(Script {
                sign: Sign::Well,
                discovery: Comes::Well,
                token: Comes::Well,
                document: json!({}),
                claims: json!({}),
                userinfo: Value::Null,
                hashed: ACCESS,
                kid: "first".to_owned(),
                fetched_keys: 0,
                fetched_documents: 0,
                codes: HashMap::new(),
            })),
        };
        let serving = provider.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let provider = serving.clone();
                tokio::spawn(async move { provider.answer(stream).await });
            }
        });
        provider
    }

    pub fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.script.lock().unwrap())
    }

    /// Somebody proves who they are, and is sent back with this code.
    pub fn admit(&self, door: &AtDoor, claims: &Value) -> String {
        let code = URL_SAFE_NO_PAD.encode(crypto::random::<16>());
        let now = self.clock.now().timestamp();
        let mut all = json!({
            "iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "auth_time": now, "nonce": door.query("nonce"),
        });
        over(&mut all, claims);
        let grant = (door.query("code_challenge"), all);
        self.script(|script| script.codes.insert(code.clone(), grant));
        code
    }

    async fn answer(self, mut stream: TcpStream) {
        let mut read = Vec::new();
        let (head, body) = loop {
            let mut piece = [0; 4096];
            let length = stream.read(&mut piece).await.unwrap_or_default();
            if length == 0 {
                return;
            }
            read.extend_from_slice(&piece[..length]);
            let text = String::from_utf8_lossy(&read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = header(head, "content-length").parse().unwrap_or(0_usize);
                if body.len() >= length {
                    break (head.to_owned(), body.to_owned());
                }
            }
        };
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (comes, answer) = match path.as_str() {
            "/realms/corp/.well-known/openid-configuration" => self.document(),
            "/keys" => (Comes::Well, Some(self.published())),
            "/token" => (self.script(|script| script.token), self.token(&head, &body)),
            "/userinfo" => (Comes::Well, Some(self.script(|script| script.userinfo.clone()))),
            _ => (Comes::Well, None),
        };
        let (status, kind, text) = match (comes, answer) {
            (Comes::Never, _) => return std::future::pending().await,
            (Comes::Redirected, _) => ("302 Found", "text/plain", String::new()),
            (Comes::Html, _) => ("200 OK", "text/html", "<html>".to_owned()),
            (Comes::Huge, _) => (
                "200 OK",
                "application/json",
                format!("{{\"a\":\"{}\"}}", "x".repeat(1 << 20)),
            ),
            (Comes::Well, Some(value)) => ("200 OK", "application/json", value.to_string()),
            (Comes::Well, None) => (
                "400 Bad Request",
                "application/json",
                r#"{"error":"invalid_grant"}"#.to_owned(),
            ),
        };
        let length = text.len();
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nconnection: close\r\nlocation: {}/elsewhere\r\n\r\n",
            self.issuer
        );
        drop(stream.write_all(format!("{head}{text}").as_bytes()).await);
    }

    fn document(&self) -> (Comes, Option<Value>) {
        let base = format!("http://127.0.0.1:{}", self.port);
        let mut document = json!({
            "issuer": self.issuer,
            "authorization_endpoint": format!("{base}/authorize"),
            "token_endpoint": format!("{base}/token"),
            "userinfo_endpoint": format!("{base}/userinfo"),
            "jwks_uri": format!("{base}/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            // It would let anybody sign; whoever relies on it must know better.
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
        });
        self.script(|script| {
            script.fetched_documents += 1;
            over(&mut document, &script.document);
            (script.discovery, Some(document))
        })
    }

    fn published(&self) -> Value {
        let point = self.keys.0.public_key().as_ref();
        let part = |range: std::ops::Range<usize>| URL_SAFE_NO_PAD.encode(&point[range]);
        self.script(|script| {
            script.fetched_keys += 1;
            json!({"keys": [{"kty": "EC", "crv": "P-256", "use": "sig", "alg": "ES256", "kid": script.kid,
                             "x": part(1..33), "y": part(33..65)}]})
        })
    }

    /// As RFC 6749 and RFC 7636 want it: this client, this browser, once.
    fn token(&self, head: &str, body: &str) -> Option<Value> {
        let form: HashMap<String, String> = reqwest::Url::parse(&format!("http://x/?{body}"))
            .unwrap()
            .query_pairs()
            .into_owned()
            .collect();
        let basic = STANDARD.encode(format!("{CLIENT}:{SECRET}"));
        assert_eq!(header(head, "authorization"), format!("Basic {basic}"));
        assert_eq!(form["redirect_uri"], "https://cloud.example/sign-in/callback");
        let (challenge, mut claims) = self.script(|script| script.codes.remove(&form["code"]))?;
        if challenge != URL_SAFE_NO_PAD.encode(Sha256::digest(&form["code_verifier"])) {
            return None;
        }
        let script = self.script(|script| script.clone());
        claims["at_hash"] = URL_SAFE_NO_PAD.encode(&Sha256::digest(script.hashed)[..16]).into();
        over(&mut claims, &script.claims);
        Some(json!({
            "access_token": ACCESS, "token_type": "Bearer", "expires_in": 300, "id_token": self.signed(&script, &claims),
        }))
    }

    fn signed(&self, script: &Script, claims: &Value) -> String {
        let (alg, kid) = match script.sign {
            Sign::Well | Sign::OtherKey => ("ES256", script.kid.as_str()),
            Sign::UnknownKey => ("ES256", "unheard-of"),
            Sign::None => ("none", script.kid.as_str()),
            Sign::PublicKey | Sign::ClientSecret => ("HS256", script.kid.as_str()),
        };
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!(
            "{}.{}",
            part(json!({"alg": alg, "kid": kid, "typ": "JWT"})),
            part(claims.clone())
        );
        let ecdsa = |key: &EcdsaKeyPair| {
            key.sign(&SystemRandom::new(), text.as_bytes())
                .unwrap()
                .as_ref()
                .to_vec()
        };
        let hmac = |key: &[u8]| {
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, key);
            aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref().to_vec()
        };
        let signature = match script.sign {
            Sign::Well | Sign::UnknownKey => ecdsa(&self.keys.0),
            Sign::OtherKey => ecdsa(&self.keys.1),
            Sign::None => Vec::new(),
            Sign::PublicKey => hmac(self.keys.0.public_key().as_ref()),
            Sign::ClientSecret => hmac(SECRET.as_bytes()),
        };
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn header(head: &str, name: &str) -> String {
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let found = lines.find(|(key, _)| key.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.to_owned()).unwrap_or_default()
}

fn over(all: &mut Value, above: &Value) {
    for (name, value) in above.as_object().unwrap() {
        if value.is_null() {
            all.as_object_mut().unwrap().remove(name);
        } else {
            all[name] = value.clone();
        }
    }
}

/// A service that may reach providers on these ports of this machine.
pub(crate) async fn start_near_ports(clock: &Clock, ports: Vec<u16>) -> Test {
    let providers = ProviderSettings {
        networks: vec!["127.0.0.0/8".parse().unwrap()],
        ports,
        roots: None,
        plain_http: true,
        // Long enough for a machine that does other things as well; one test waits for its end.
        patience_s: 5,
    };
    let settings = Settings {
        providers,
        ..settings()
    };
    start_on(Bench::at(clock.clone()).await, &settings).await
}

/// A service that may reach these providers.
pub(crate) async fn start_near(clock: &Clock, providers: &[&FakeProvider]) -> Test {
    start_near_ports(clock, providers.iter().map(|provider| provider.port).collect()).await
}

impl Test {
    /// Somebody wants to sign in by a provider of this tenant.
    pub async fn leave(&self, tenant: &str, provider: &str) -> AtDoor {
        self.leave_with(json!({"tenant": tenant, "provider": provider})).await
    }

    pub async fn leave_with(&self, body: Value) -> AtDoor {
        let begun = self.client.post("/api/v1/auth/oidc/begin", body).await.expect(200);
        door(&begun)
    }

    /// They come back with this code.
    pub async fn come_back(&self, door: &AtDoor, code: &str) -> Reply {
        self.client.post("/api/v1/auth/oidc/complete", answer(door, code)).await
    }

    /// All the way there and back.
    pub async fn by_provider(&self, tenant: &str, provider: (&str, &FakeProvider), claims: &Value) -> Reply {
        let door = self.leave(tenant, provider.0).await;
        let code = provider.1.admit(&door, claims);
        self.come_back(&door, &code).await
    }
}

pub(crate) fn door(begun: &Reply) -> AtDoor {
    AtDoor {
        secret: begun.json["secret"].as_str().unwrap().to_owned(),
        url: begun.json["authorization_url"].as_str().unwrap().parse().unwrap(),
    }
}

pub(crate) fn answer(door: &AtDoor, code: &str) -> Value {
    json!({"secret": door.secret, "code": code, "state": door.query("state")})
}
