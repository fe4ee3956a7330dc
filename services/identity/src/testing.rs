//! The service as its endpoint tests see it.

pub(crate) mod carrier;
pub(crate) mod codes;
pub(crate) mod device;
mod keys;
pub(crate) mod letters;
pub(crate) mod oauth;
mod operators;
mod people;
pub(crate) mod provider;

pub(crate) use people::Person;

use auth::passport::Bearer;
use auth::token::{Claims, Jwks, Verifier};
use auth::{Binding, Caller, Credential, Moment, Principal, Role, Standing};
use chrono::DateTime;
use clock::Clock;
use ids::{GroupId, RequestId, ServiceAccountId, TenantId, UserId};
use serde_json::{Value, json};
use testkit::{Bench, Client, Reply, TestTenant};

use crate::factor::totp::Shared;
use crate::guess::{Limit, Limits};
use crate::password::Cost;
use crate::service::{Deps, Service};
use crate::settings::Settings;

/// Long, and in no list.
pub(crate) const PASSWORD: &str = "correct horse battery staple";
/// How often each race for one thing is run.
pub(crate) const RACES: usize = 4;
pub(crate) const ISSUER: &str = "https://cloud.example";

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    let bench = Bench::new().await;
    start_on(bench, &settings()).await
}

/// Hashes that cost next to nothing: what they cost is tested where they are made.
pub(crate) fn settings() -> Settings {
    Settings {
        password: Cost {
            memory_kib: 64,
            passes: 1,
            lanes: 1,
        },
        ..Settings::default()
    }
}

/// The service with these settings in this world.
pub(crate) async fn start_on(bench: Bench, settings: &Settings) -> Test {
    let (service, client) = build(&bench, bench.db("identity"), settings);
    bench.run(service.run(bench.shutdown.clone()));
    Test { bench, client }
}

/// The same without its workers and with its own way to the database.
pub(crate) fn start_alone(bench: Bench, db: db::Db, settings: &Settings) -> Test {
    let (service, client) = build(&bench, db, settings);
    bench.run(service.answer(bench.shutdown.clone()));
    Test { bench, client }
}

fn build(bench: &Bench, db: db::Db, settings: &Settings) -> (Service, Client) {
    let deps = Deps {
        db,
        key: bench.key.clone(),
        kek: bench.kek.clone(),
        issuer: ISSUER.to_owned(),
    };
    let service = Service::build(settings, deps).unwrap();
    let client = bench.client(service.address());
    (service, client)
}

impl Test {
    /// Action and outcome of each audit entry of a tenant, oldest first.
    pub async fn audit(&self, tenant: &TestTenant) -> Vec<(String, String)> {
        self.bench.audit(tenant.id).await
    }
}

/// Somebody who signed up.
pub(crate) struct Owner {
    pub tenant: TenantId,
    pub email: String,
}

impl Test {
    /// A new tenant of this name and its owner, `ada@<name>.example`.
    pub async fn sign_up(&self, name: &str) -> Owner {
        let email = format!("ada@{name}.example");
        let body = json!({"tenant": {"name": name}, "user": {"email": email, "password": PASSWORD}});
        let made = self.client.post("/api/v1/auth/signup", body).await.expect(201);
        Owner {
            tenant: made.json["tenant_id"].as_str().unwrap().parse().unwrap(),
            email,
        }
    }

    /// Tries to sign in.
    pub async fn sign_in(&self, email: &str, password: &str) -> Reply {
        try_sign_in(&self.client, email, password).await
    }

    /// Does what the gateway does with an access token: checks it with the published keys, asks for the session's
    /// standing, and calls as whom it finds. None if it would let nobody through.
    pub async fn enter(&self, tokens: &Value) -> Option<Client> {
        let claims = self.check(tokens).await;
        let standing = self.standing(&claims).await?;
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: standing.factor_at,
        };
        let caller = standing.caller(Credential::Session(claims.sid), &moment, RequestId::mint())?;
        Some(self.client.caller(&caller))
    }

    pub async fn check(&self, tokens: &Value) -> Claims {
        let keys = self.client.get("/.well-known/jwks.json").await.expect(200);
        let jwks: Jwks = serde_json::from_value(keys.json).unwrap();
        Verifier::new(ISSUER, &jwks)
            .check(tokens["access_token"].as_str().unwrap())
            .unwrap()
    }

    /// Calls as whom a token of the held clock is for; its time may lie far from the machine's, by which
    /// [`Test::check`] judges.
    pub async fn enter_now(&self, tokens: &Value) -> Client {
        let payload = tokens["access_token"].as_str().unwrap().split('.').nth(1).unwrap();
        let payload = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).unwrap();
        let claims: Claims = serde_json::from_slice(&payload).unwrap();
        let standing = self.standing(&claims).await.unwrap();
        let moment = Moment {
            now: self.bench.clock.now(),
            address: None,
            factor_at: standing.factor_at,
        };
        let caller = standing.caller(Credential::Session(claims.sid), &moment, RequestId::mint());
        self.client.caller(&caller.unwrap())
    }

    pub async fn standing(&self, claims: &Claims) -> Option<Standing> {
        let gateway = self.client.bearer(Bearer::Platform("gateway".to_owned()));
        let answer = gateway.get(&format!("/internal/sessions/{}", claims.sid)).await;
        (answer.status != 404).then(|| serde_json::from_value(answer.expect(200).json).unwrap())
    }
}

impl Test {
    pub async fn dump(&self, table: &str) -> String {
        self.bench.dump(table).await
    }

    pub async fn disable(&self, owner: &Owner) {
        self.bench
            .alter(
                "update identity.users set enabled = false where tenant_id = $1",
                owner.tenant,
            )
            .await;
    }

    pub async fn unbind(&self, owner: &Owner) {
        self.bench
            .alter("delete from identity.role_bindings where tenant_id = $1", owner.tenant)
            .await;
    }
}

/// A person with a second factor, as they see it.
pub(crate) struct Enrolled {
    /// Signed in, with the factor shown.
    pub client: Client,
    /// The factor's id.
    pub factor: String,
    /// Their authenticator.
    pub phone: Shared,
    /// What they wrote down.
    pub codes: Vec<String>,
}

impl Test {
    /// Signs in and adds an authenticator. On a held clock the step of now is spent by this.
    pub async fn enrol(&self, owner: &Owner) -> Enrolled {
        let tokens = self.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = self.enter_now(&tokens).await;
        let made = client.post("/api/v1/me/mfa/totp", json!({})).await.expect(201).json;
        let phone = Shared::scanned(made["secret"].as_str().unwrap());
        let factor = made["factor"]["id"].as_str().unwrap().to_owned();
        let code = phone.code(self.bench.clock.now());
        let path = format!("/api/v1/me/mfa/totp/{factor}:confirm");
        let confirmed = client.post(&path, json!({"code": code})).await.expect(200).json;
        let codes = confirmed["recovery_codes"].as_array().unwrap().iter();
        Enrolled {
            client: self.enter_now(&tokens).await,
            factor,
            phone,
            codes: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// The challenge that a right password leads to.
    pub async fn challenge(&self, owner: &Owner) -> String {
        let half = self.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(half["status"], "mfa_required", "{half}");
        half["challenge"].as_str().unwrap().to_owned()
    }

    /// Sends a code for a challenge; `kind` is `totp` or `recovery`.
    pub async fn show(&self, kind: &str, challenge: &str, code: &str) -> Reply {
        let body = json!({"challenge": challenge, "code": code});
        self.client.post(&format!("/api/v1/auth/mfa/{kind}"), body).await
    }
}

/// A service on a held clock where nobody runs out of guesses.
pub(crate) async fn start_patient(clock: &Clock) -> Test {
    let many = Limit {
        burst: 10_000,
        refill_seconds: 1,
    };
    let guesses = Limits {
        pair: many,
        address: many,
        account: many,
        proof: many,
    };
    let settings = Settings { guesses, ..settings() };
    start_on(Bench::at(clock.clone()).await, &settings).await
}

/// Tries to sign in from wherever this client is.
pub(crate) async fn try_sign_in(client: &Client, email: &str, password: &str) -> Reply {
    client
        .post("/api/v1/auth/login", json!({"email": email, "password": password}))
        .await
}

/// Turns a refresh token in from wherever this client is.
pub(crate) async fn turn_in(client: &Client, tokens: &Value) -> Reply {
    client
        .post(
            "/api/v1/auth/refresh",
            json!({"refresh_token": tokens["refresh_token"]}),
        )
        .await
}

/// The secret part of a refresh token, in the form in which a dump would show it.
pub(crate) fn secret_of(tokens: &Value) -> String {
    let text = tokens["refresh_token"].as_str().unwrap().strip_prefix("yrt_").unwrap();
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, text).unwrap();
    bytes[32..64]
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// A person of the tenant whose factor was shown too long ago for what asks for a fresh one.
pub(crate) fn restless(tenant: &TestTenant, role: Role) -> Caller {
    let now = DateTime::from_timestamp(1_000_000_000, 0).unwrap();
    let standing = Standing {
        step_up_minutes: Some(15),
        ..Standing::of(
            tenant.id,
            Principal::User(UserId::mint()),
            vec![Binding::role(role, None)],
            None,
        )
    };
    let moment = Moment {
        now,
        address: None,
        factor_at: None,
    };
    standing.caller(Credential::None, &moment, RequestId::mint()).unwrap()
}

/// What other endpoints make, straight into the tables.
impl Test {
    /// Another person of a tenant, who cannot sign in.
    pub async fn newcomer(&self, tenant: &TestTenant, user: UserId, email: &str) -> UserId {
        let kept = self.kept(tenant, user, email, "Somebody").await;
        sqlx::query(
            "insert into identity.users (tenant_id, user_id, email_sealed, email_mark, name_sealed, created_at, updated_at)
             values ($1, $2, $3, $4, $5, now(), now())",
        )
        .bind(tenant.id)
        .bind(user)
        .bind(kept.email)
        .bind(kept.mark.bytes())
        .bind(kept.name)
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
        user
    }

    /// A group without members.
    pub async fn group(&self, tenant: &TestTenant, name: &str) -> GroupId {
        let group = GroupId::mint();
        let sql = "insert into identity.groups (tenant_id, group_id, name, created_at, updated_at)
                   values ($1, $2, $3, now(), now())";
        self.bench.seed(sql, tenant.id, group.as_uuid(), name).await;
        group
    }

    /// A service account.
    pub async fn account(&self, tenant: &TestTenant, name: &str) -> ServiceAccountId {
        let account = ServiceAccountId::mint();
        let sql = "insert into identity.service_accounts (tenant_id, account_id, name, created_at, updated_at)
                   values ($1, $2, $3, now(), now())";
        self.bench.seed(sql, tenant.id, account.as_uuid(), name).await;
        account
    }
}
