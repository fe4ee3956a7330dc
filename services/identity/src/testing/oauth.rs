//! OAuth 2.0 clients, as programs and browsers play their part.

use auth::{Binding, Credential, Moment, Principal, Role, Standing};
use ids::RequestId;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestTenant};

use super::{PASSWORD, Test};

pub(crate) const CALLBACK: &str = "https://app.example/callback";
/// Of RFC 7636, appendix B.
pub(crate) const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub(crate) const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

pub(crate) type Form = Vec<(&'static str, String)>;

/// A registered client.
pub(crate) struct App {
    pub id: String,
    pub secret: Option<String>,
}

impl App {
    /// Registers one as `owner`; `other` says what is not as usual.
    pub async fn register(owner: &Client, other: Value) -> Self {
        let mut body = json!({
            "name": "App", "kind": "confidential", "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "scopes": ["openid", "email", "profile", "project.*"],
        });
        for (name, value) in other.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = owner.post("/api/v1/oauth-clients", body).await.expect(201).json;
        Self {
            id: made["client"]["id"].as_str().unwrap().to_owned(),
            secret: made["client_secret"].as_str().map(str::to_owned),
        }
    }

    pub fn path(&self) -> String {
        format!("/api/v1/oauth-clients/{}", self.id)
    }

    /// What it sends a browser with.
    pub fn query(&self, scope: &str) -> String {
        self.query_to(CALLBACK, scope)
    }

    pub fn query_to(&self, uri: &str, scope: &str) -> String {
        form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("response_type", "code"),
                ("client_id", &self.id),
                ("redirect_uri", uri),
                ("scope", scope),
                ("state", "xyz"),
                ("nonce", "n-1"),
                ("code_challenge", CHALLENGE),
                ("code_challenge_method", "S256"),
            ])
            .finish()
    }

    /// What the page sends once somebody has decided.
    pub fn decision(&self, scope: &str, approve: bool) -> Value {
        json!({"client_id": self.id, "redirect_uri": CALLBACK, "scope": scope, "state": "xyz", "nonce": "n-1",
               "code_challenge": CHALLENGE, "approve": approve})
    }

    /// A code that this person gives it.
    pub async fn code(&self, person: &Client, scope: &str) -> String {
        let decided = person
            .post("/api/v1/oauth/authorize", self.decision(scope, true))
            .await
            .expect(201);
        let place = decided.json["redirect_to"].as_str().unwrap().to_owned();
        let query = place.split_once('?').unwrap().1;
        let found = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
        found.unwrap().1.into_owned()
    }

    /// What says and proves who it is.
    pub fn proof(&self) -> Form {
        let mut form = vec![("client_id", self.id.clone())];
        form.extend(self.secret.clone().map(|secret| ("client_secret", secret)));
        form
    }

    /// What turns a code in.
    pub fn form(&self, code: &str) -> Form {
        let mut form = self.proof();
        form.extend([
            ("grant_type", "authorization_code".to_owned()),
            ("code", code.to_owned()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("code_verifier", VERIFIER.to_owned()),
        ]);
        form
    }

    pub async fn redeem(&self, test: &Test, code: &str) -> Reply {
        test.form("token", &self.form(code)).await
    }

    /// The same, with the secret in a header.
    pub async fn redeem_basic(&self, test: &Test, code: &str) -> Reply {
        let mut form = self.form(code);
        form.retain(|(name, _)| !name.starts_with("client_"));
        let request = test
            .client
            .request(Method::POST, "/api/v1/oauth/token")
            .basic_auth(&self.id, self.secret.as_ref());
        test.client.send(filled(request, &form)).await
    }

    /// What turns a refresh token in.
    pub fn renewal(&self, tokens: &Value) -> Form {
        let mut form = self.proof();
        form.extend([
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap().to_owned()),
        ]);
        form
    }

    pub async fn renew(&self, test: &Test, tokens: &Value) -> Reply {
        test.form("token", &self.renewal(tokens)).await
    }

    /// The tokens it gets when this person lets it in.
    pub async fn let_in(&self, test: &Test, person: &Client, scope: &str) -> Value {
        let code = self.code(person, scope).await;
        self.redeem(test, &code).await.expect(200).json
    }
}

fn filled(request: RequestBuilder, form: &[(&'static str, String)]) -> RequestBuilder {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(form)
        .finish();
    request
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body)
}

/// Our own command line.
pub(crate) const CLI: &str = "yunshu-cli";

/// A device without a browser that asks to be let in.
#[derive(Clone)]
pub(crate) struct Device {
    pub client: String,
    /// What it keeps to itself.
    pub code: String,
    /// What it shows.
    pub user: String,
}

impl Device {
    /// As our own command line asks.
    pub async fn ask(test: &Test) -> Self {
        Self::with(test, &[("client_id", CLI.to_owned())]).await
    }

    /// As this client asks.
    pub async fn of(test: &Test, app: &App) -> Self {
        Self::with(test, &app.proof()).await
    }

    async fn with(test: &Test, form: &[(&'static str, String)]) -> Self {
        let said = test.form("device", form).await.expect(200).json;
        let word = |name: &str| said[name].as_str().unwrap().to_owned();
        Self {
            client: form[0].1.clone(),
            code: word("device_code"),
            user: word("user_code"),
        }
    }

    /// Asks whether somebody has decided.
    pub async fn poll(&self, test: &Test) -> Reply {
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code".to_owned()),
            ("device_code", self.code.clone()),
            ("client_id", self.client.clone()),
        ];
        test.form("token", &form).await
    }

    pub async fn decide(&self, person: &Client, approve: bool) {
        let body = json!({"user_code": self.user, "approve": approve});
        person.post("/api/v1/oauth/device/decision", body).await.expect(201);
    }

    pub async fn renew(&self, test: &Test, tokens: &Value) -> Reply {
        let form = [
            ("grant_type", "refresh_token".to_owned()),
            ("refresh_token", tokens["refresh_token"].as_str().unwrap().to_owned()),
            ("client_id", self.client.clone()),
        ];
        test.form("token", &form).await
    }
}

/// A service account that comes by itself.
#[derive(Clone)]
pub(crate) struct Robot {
    pub owner: Client,
    pub id: String,
    pub credential: String,
    pub secret: Option<String>,
    /// Its public key, base64url.
    pub public: String,
}

impl Robot {
    pub async fn with_secret(test: &Test, tenant: &TestTenant, role: &str) -> Self {
        Self::make(test, tenant, role, json!({"name": "a"})).await
    }

    /// With the private half of its key.
    pub async fn with_key(test: &Test, tenant: &TestTenant, role: &str) -> (Self, jsonwebtoken::EncodingKey) {
        let pkcs8 = auth::token::Signer::generate().unwrap();
        let public = auth::token::Signer::open(&pkcs8).unwrap().jwk().x.clone();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": public});
        let robot = Self::make(test, tenant, role, json!({"name": "a", "jwk": jwk})).await;
        (Self { public, ..robot }, jsonwebtoken::EncodingKey::from_ed_der(&pkcs8))
    }

    pub async fn make(test: &Test, tenant: &TestTenant, role: &str, credential: Value) -> Self {
        let owner = test.client.caller(&tenant.caller(Role::Owner));
        let made = owner
            .post("/api/v1/service-accounts", json!({"name": "robot"}))
            .await
            .expect(201)
            .json;
        test.bind_account(tenant, &made["id"], role).await;
        let id = made["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/service-accounts/{id}/credentials");
        let proof = owner.post(&path, credential).await.expect(201).json;
        assert_eq!(proof["client_id"], json!(id));
        Self {
            owner,
            id,
            credential: proof["credential"]["id"].as_str().unwrap().to_owned(),
            secret: proof["client_secret"].as_str().map(str::to_owned),
            public: String::new(),
        }
    }

    pub fn path(&self) -> String {
        format!("/api/v1/service-accounts/{}", self.id)
    }

    pub fn proof(&self) -> Form {
        let mut form = vec![("client_id", self.id.clone())];
        form.extend(self.secret.clone().map(|secret| ("client_secret", secret)));
        form
    }

    pub async fn token(&self, test: &Test, scope: Option<&str>) -> Reply {
        let mut form = self.proof();
        form.push(("grant_type", "client_credentials".to_owned()));
        form.extend(scope.map(|scope| ("scope", scope.to_owned())));
        test.form("token", &form).await
    }
}

/// What a signed token says.
pub(crate) fn claims_of(token: &Value) -> Value {
    let payload = token.as_str().unwrap().split('.').nth(1).unwrap();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

impl Test {
    /// Sends a form to an endpoint of OAuth 2.0.
    pub async fn form(&self, endpoint: &str, form: &[(&'static str, String)]) -> Reply {
        let path = format!("/api/v1/oauth/{endpoint}");
        self.client
            .send(filled(self.client.request(Method::POST, &path), form))
            .await
    }

    /// GET, without following where it leads.
    pub async fn look(&self, path: &str) -> Reply {
        #[expect(clippy::disallowed_methods, reason = "tests reach loopback, which egress refuses")]
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .unwrap();
        let request = http
            .get(format!("{}{path}", self.client.base()))
            .header(auth::passport::HEADER, self.client.passport());
        self.client.send(request).await
    }

    /// Somebody with a role on the whole tenant, signed in.
    pub async fn signed_in_person(&self, tenant: &TestTenant, name: &str, role: Role) -> Client {
        let person = self.person(tenant, name, role).await;
        let tokens = self.sign_in(&person.email, PASSWORD).await.expect(200).json;
        let claims = self.check(&tokens).await;
        let bindings = vec![Binding::role(role, None)];
        let standing = Standing::of(tenant.id, Principal::User(person.id), bindings, None);
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: None,
        };
        let caller = standing.caller(Credential::Session(claims.sid), &moment, RequestId::mint());
        self.client.caller(&caller.unwrap())
    }
}
