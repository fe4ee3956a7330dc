use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use crypto::{Kek, KekProvider};
use futures::FutureExt;
use serde_json::{Value, json};
use wiremock::matchers::any;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// The transit engine of a tenant: the API as it is documented, with one token and any number of keys.
pub struct Vault {
    server: MockServer,
    played: Played,
}

/// What it answers now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    Well,
    /// 403: the token was taken back.
    Denied,
    /// 400: the key was destroyed.
    Keyless,
    /// Later than anybody waits.
    Silent,
    /// Another key than the one it was given.
    Lying,
    /// Elsewhere.
    Redirecting,
}

#[derive(Clone)]
struct Played(Arc<Mutex<Inside>>);

struct Inside {
    keys: Vec<(String, Kek)>,
    mood: Mood,
    token: String,
    asked: Vec<String>,
}

impl Vault {
    /// One that takes this token.
    pub async fn start(token: &str) -> Self {
        let played = Played(Arc::new(Mutex::new(Inside {
            keys: Vec::new(),
            mood: Mood::Well,
            token: token.to_owned(),
            asked: Vec::new(),
        })));
        let server = MockServer::start().await;
        Mock::given(any()).respond_with(played.clone()).mount(&server).await;
        Self { server, played }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.uri()
    }

    /// What it answers from now on.
    pub fn turn(&self, mood: Mood) {
        self.played.inside().mood = mood;
    }

    /// The token that it takes from now on.
    pub fn take(&self, token: &str) {
        token.clone_into(&mut self.played.inside().token);
    }

    /// The paths it was asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.played.inside().asked.clone()
    }
}

impl Played {
    fn inside(&self) -> std::sync::MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn no(status: u16, error: &str) -> ResponseTemplate {
    ResponseTemplate::new(status).set_body_json(json!({"errors": [error]}))
}

fn yes(data: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(json!({"request_id": "r", "data": data}))
}

impl Inside {
    fn key(&mut self, name: &str) -> Kek {
        if let Some((_, key)) = self.keys.iter().find(|(known, _)| known == name) {
            return key.clone();
        }
        let key = Kek::new(crypto::random());
        self.keys.push((name.to_owned(), key.clone()));
        key
    }

    fn does(&mut self, path: &str, body: &Value) -> ResponseTemplate {
        let text = |field: &str| body[field].as_str().unwrap_or_default();
        let bytes = |text: &str| BASE64_STANDARD.decode(text).unwrap_or_default();
        let context = bytes(text("associated_data"));
        let Some((operation, name)) = path.strip_prefix("/v1/transit/").and_then(|rest| rest.split_once('/')) else {
            return if path == "/v1/auth/token/renew-self" {
                yes(&json!({}))
            } else {
                no(404, "no handler for route")
            };
        };
        let key = self.key(name);
        if operation == "encrypt" {
            let plain: [u8; 32] = bytes(text("plaintext")).try_into().unwrap_or_default();
            let sealed = KekProvider::wrap(&key, &plain, &context)
                .now_or_never()
                .and_then(Result::ok);
            let sealed = BASE64_STANDARD.encode(sealed.unwrap_or_default());
            return yes(&json!({ "ciphertext": format!("vault:v1:{sealed}") }));
        }
        let sealed = bytes(text("ciphertext").trim_start_matches("vault:v1:"));
        match KekProvider::unwrap(&key, &sealed, &context).now_or_never() {
            Some(Ok(_)) if self.mood == Mood::Lying => yes(&json!({ "plaintext": BASE64_STANDARD.encode([7; 32]) })),
            Some(Ok(plain)) => yes(&json!({ "plaintext": BASE64_STANDARD.encode(*plain) })),
            _ => no(400, "cipher: message authentication failed"),
        }
    }
}

impl Respond for Played {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let mut inside = self.inside();
        let path = request.url.path().to_owned();
        inside.asked.push(path.clone());
        let token = request
            .headers
            .get("x-vault-token")
            .and_then(|token| token.to_str().ok());
        if token != Some(inside.token.as_str()) {
            return no(403, "permission denied");
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        match inside.mood {
            Mood::Well | Mood::Lying => inside.does(&path, &body),
            Mood::Denied => no(403, "permission denied"),
            Mood::Keyless => no(400, "encryption key not found"),
            Mood::Silent => inside.does(&path, &body).set_delay(Duration::from_mins(1)),
            Mood::Redirecting => ResponseTemplate::new(307).insert_header("location", "http://127.0.0.1:9/"),
        }
    }
}
