//! A day of two people and their programs, in which everything is said that must not lie about.

use std::{
    net::IpAddr,
    path::Path,
    time::{Duration, SystemTime},
};

use anyhow::{Context, Result, ensure};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder, Secret, Totp};

use super::{
    receiver::Told,
    words::{Canaries, word},
};
use crate::{
    http::{Api, text},
    secrets, sh,
};

/// What lets somebody in passes through these two, and its traces are in memory that is free.
const IN_AND_OUT: &[&str] = &["/left/memory-gateway", "/left/memory-identity"];
/// What is between us and the receiver of a webhook.
const WEBHOOK: &[&str] = &["/left/memory-gateway", "/left/memory-notify"];
/// Who asks is told to every role; none of them writes it down open.
const PERSON: &[&str] = &[
    "/left/memory-gateway",
    "/left/memory-identity",
    "/left/memory-compute",
    "/left/memory-audit",
    "/left/memory-notify",
];
/// From where somebody asks is also in the line that each request leaves in the log, and what rates are counted by, for seconds.
const ADDRESS: &[&str] = &["/left/memory-", "/log/gateway.log"];

/// How long what happens later may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the platform is, and who is there.
pub struct Day<'a> {
    pub port: u16,
    pub ca: &'a Path,
    pub receiver: u16,
    pub canaries: Canaries,
}

struct Person {
    api: Api,
    email: String,
    password: String,
}

impl Day<'_> {
    /// Lives it.
    pub fn live(&mut self) -> Result<()> {
        let mut ada = self.owner()?;
        self.machines(&ada.api)?;
        self.programs(&ada.api)?;
        self.webhook(&ada.api)?;
        self.refused(&ada.api)?;
        self.guest(&ada.api)?;
        self.factors(&mut ada)?;
        ada.api.begin("/api/v1/events").context("the stream of events")?;
        // What was done is in the log, and so has gone every way there is.
        sh::wait_for("the log to know of all", PATIENCE, || {
            let log = ada.api.get("/api/v1/audit/events?action=factor.create")?.json()?;
            Ok(log.pointer("/items/0").is_some().then_some(()))
        })
    }

    /// A browser of its own, at an address that nobody else on this machine has.
    fn browser(&mut self, agent: &'static str, address: &'static str) -> Result<Api> {
        let name = word()?;
        let [a, b, c] = secrets::random()?.map(|byte: u8| 100 + byte % 100);
        let from = IpAddr::from([127, a, b, c]);
        self.canaries.hide(agent, &name, PERSON)?;
        // As text, and as PostgreSQL writes an address of 32 bits.
        self.canaries.hide(address, &from.to_string(), ADDRESS)?;
        if let IpAddr::V4(v4) = from {
            self.canaries
                .hide_bytes(address, &[&[2, 32], &v4.octets()[..]].concat(), ADDRESS)?;
        }
        Api::of(self.port, self.ca, from, &format!("Mozilla/5.0 {name}"))
    }

    fn password(&mut self, what: &'static str) -> Result<String> {
        let word = word()?;
        self.canaries.hide(what, &word, IN_AND_OUT)?;
        Ok(format!("Pass \"{word}\" 9!"))
    }

    fn email(&mut self, what: &'static str) -> Result<String> {
        let word = word()?;
        self.canaries.hide(what, &word, PERSON)?;
        Ok(format!("{word}@people.example"))
    }

    fn name(&mut self, what: &'static str) -> Result<String> {
        let word = word()?;
        self.canaries.hide(what, &word, PERSON)?;
        Ok(format!("Ada {word}"))
    }

    /// Signs up, mistypes, signs in, and is called something else.
    fn owner(&mut self) -> Result<Person> {
        let mut api = self.browser("a browser", "an address")?;
        let (email, password) = (self.email("an e-mail address")?, self.password("a password")?);
        let tenant = word()?;
        let signed_up = api.post(
            "/api/v1/auth/signup",
            &json!({"tenant": {"name": tenant, "display_name": tenant},
                    "user": {"email": email, "password": password, "display_name": self.name("what a person was called")?}}),
        )?;
        self.canaries
            .show("a tenant's id", &text(&signed_up.json()?, "tenant_id")?)?;
        let wrong = self.password("a wrong password")?;
        for email in [&email, &self.email("the address of somebody unknown")?] {
            let refused = api.post("/api/v1/auth/login", &json!({"email": email, "password": wrong}))?;
            ensure!(
                refused.status == 401,
                "{email} and a wrong password: {}",
                refused.status
            );
        }
        let signed_in = api.post("/api/v1/auth/login", &json!({"email": email, "password": password}))?;
        let renewed = self.session(&mut api, &signed_in.json()?)?;
        let signed_in = api.post("/api/v1/auth/refresh", &json!({"refresh_token": renewed}))?;
        self.session(&mut api, &signed_in.json()?)?;
        api.patch(
            "/api/v1/me",
            &json!({"display_name": self.name("what a person is called")?}),
        )?
        .json()?;
        Ok(Person { api, email, password })
    }

    /// Goes on with these tokens; answers the one that renews them.
    fn session(&mut self, api: &mut Api, signed_in: &Value) -> Result<String> {
        let (access, renewal) = (text(signed_in, "access_token")?, text(signed_in, "refresh_token")?);
        let signature = access.rsplit('.').next().unwrap_or_default();
        self.canaries.hide("an access token", signature, IN_AND_OUT)?;
        self.canaries.hide("a refresh token", secret_of(&renewal), IN_AND_OUT)?;
        // Behind the ids of tenant and session.
        let bytes = URL_SAFE_NO_PAD.decode(secret_of(&renewal))?;
        self.canaries.hide_bytes(
            "a refresh token's secret",
            bytes.get(32..64).context("a refresh token is longer")?,
            IN_AND_OUT,
        )?;
        api.sign_in(access);
        Ok(renewal)
    }

    /// What everybody may see, so that it is known that one would see it.
    fn machines(&mut self, api: &Api) -> Result<()> {
        let (vm, why) = (word()?, word()?);
        self.canaries.show("a machine's name", &vm)?;
        self.canaries.show("why a hold is", &why)?;
        let body = json!({"name": vm, "flavor": "tiny", "image": "tiny"});
        api.post_once("/api/v1/projects/default/vms", &word()?, &body)?.json()?;
        api.post("/api/v1/audit/holds", &json!({"name": "Case", "reason": why}))?
            .json()?;
        Ok(())
    }

    /// What lets programs in.
    fn programs(&mut self, api: &Api) -> Result<()> {
        // A repeated request is given its first answer: it is kept meanwhile.
        let made = |path: &str, body: Value| -> Result<Value> {
            let key = word()?;
            let path = format!("/api/v1{path}");
            let first = api
                .post_once(&path, &key, &body)?
                .json()
                .with_context(|| path.clone())?;
            let again = api.post_once(&path, &key, &body)?;
            // What is shown once is not shown again.
            ensure!(again.status == 409 || again.json()? == first, "{path} twice");
            Ok(first)
        };
        let key = text(
            &made("/me/api-keys", json!({"name": "nightly", "scopes": ["me.read"]}))?,
            "key",
        )?;
        self.canaries.hide("an API key", secret_of(&key), IN_AND_OUT)?;
        let mut program = self.browser("a program", "a program's address")?;
        program.sign_in(key);
        program.get("/api/v1/me")?.json()?;

        made("/service-accounts", json!({"name": "robot"}))?;
        let one = made("/service-accounts/robot/credentials", json!({"name": "one"}))?;
        self.canaries.hide(
            "the secret of a service account",
            secret_of(&text(&one, "client_secret")?),
            IN_AND_OUT,
        )?;
        let two = made("/service-accounts/robot/api-keys", json!({"name": "two"}))?;
        self.canaries.hide(
            "the key of a service account",
            secret_of(&text(&two, "key")?),
            IN_AND_OUT,
        )?;
        let client = json!({"name": "app", "kind": "confidential", "redirect_uris": ["https://app.example/back"],
                            "grant_types": ["authorization_code"], "scopes": ["openid"]});
        let client = made("/oauth-clients", client)?;
        self.canaries.hide(
            "the secret of an OAuth client",
            secret_of(&text(&client, "client_secret")?),
            IN_AND_OUT,
        )?;
        let secret = word()?;
        self.canaries
            .hide("our secret at another provider", &secret, IN_AND_OUT)?;
        let provider =
            json!({"name": "elsewhere", "issuer": "https://login.example", "client_id": "us", "client_secret": secret});
        made("/identity-providers", provider)?;
        Ok(())
    }

    /// Whoever is told of the machine answers with what nobody asked for.
    fn webhook(&mut self, api: &Api) -> Result<()> {
        let answer = word()?;
        self.canaries
            .hide("what a webhook's receiver answers", &answer, WEBHOOK)?;
        let told = Told::listen(self.receiver, answer)?;
        let body = json!({"name": "siem", "url": format!("http://127.0.0.1:{}/", self.receiver), "types": ["vm.*"]});
        let made = api.post_once("/api/v1/webhooks", &word()?, &body)?.json()?;
        let secret = text(&made, "secret")?;
        self.canaries
            .hide("the secret of a webhook", secret.trim_start_matches("whsec_"), WEBHOOK)?;
        let bytes = STANDARD.decode(secret.trim_start_matches("whsec_"))?;
        self.canaries
            .hide_bytes("the secret of a webhook, as bytes", &bytes, WEBHOOK)?;
        let vm = word()?;
        let body = json!({"name": vm, "flavor": "tiny", "image": "tiny"});
        api.post("/api/v1/projects/default/vms", &body)?.json()?;
        sh::wait_for("the webhook to be told", PATIENCE, || Ok(told.has(&vm).then_some(())))
    }

    /// What is typed into the wrong field is in no message.
    fn refused(&mut self, api: &Api) -> Result<()> {
        let (value, field) = (word()?, word()?);
        self.canaries
            .hide("a secret in a field that there is not", &value, IN_AND_OUT)?;
        self.canaries
            .hide("the name of a field that there is not", &field, IN_AND_OUT)?;
        for body in [
            json!({"name": "p", "password": value}),
            json!({"name": "p", (field): 1}),
        ] {
            let refused = api.post("/api/v1/projects", &body)?;
            ensure!(refused.status == 400, "a field that there is not: {}", refused.status);
        }
        let token = self.password("a token that is none")?;
        let mut stranger = self.browser("a stranger's browser", "a stranger's address")?;
        stranger.sign_in(STANDARD.encode(token));
        let refused = stranger.get("/api/v1/me")?;
        ensure!(refused.status == 401, "a token that is none: {}", refused.status);
        Ok(())
    }

    /// Somebody is invited, comes, asks to be called something else, and is removed.
    fn guest(&mut self, owner: &Api) -> Result<()> {
        let invited = self.email("the address of somebody invited")?;
        let body = json!({"email": invited, "role": "viewer"});
        let made = owner.post_once("/api/v1/invitations", &word()?, &body)?.json()?;
        self.canaries.hide(
            "an invitation nobody accepted",
            secret_of(&text(&made, "token")?),
            IN_AND_OUT,
        )?;

        let email = self.email("the address of somebody removed")?;
        let made = owner
            .post("/api/v1/invitations", &json!({"email": email, "role": "viewer"}))?
            .json()?;
        let token = text(&made, "token")?;
        self.canaries.hide("an invitation", secret_of(&token), IN_AND_OUT)?;
        let mut api = self.browser("the browser of somebody removed", "the address somebody removed was at")?;
        let password = self.password("the password of somebody removed")?;
        let body = json!({"token": token, "password": password, "display_name": self.name("what somebody removed was called")?});
        let user = text(&api.post("/api/v1/auth/accept-invitation", &body)?.json()?, "user_id")?;
        let signed_in = api.post("/api/v1/auth/login", &json!({"email": email, "password": password}))?;
        self.session(&mut api, &signed_in.json()?)?;
        api.post("/api/v1/me/email", &json!({"email": self.email("an address to be")?}))?
            .json()?;
        owner.delete_read(&format!("/api/v1/users/{user}"))?.done()?;
        Ok(())
    }

    /// Another password, an authenticator, and a sign-in by each of its codes.
    fn factors(&mut self, ada: &mut Person) -> Result<()> {
        let new = self.password("a new password")?;
        let body = json!({"current_password": ada.password, "new_password": new});
        ada.api.post("/api/v1/auth/password", &body)?.done()?;

        let made = ada
            .api
            .post("/api/v1/me/mfa/totp", &json!({"name": "telephone"}))?
            .json()?;
        let secret = text(&made, "secret")?;
        self.canaries.hide("an authenticator's secret", &secret, IN_AND_OUT)?;
        let secret = Secret::try_from_base32(&secret).ok().context("a secret is base 32")?;
        self.canaries
            .hide_bytes("an authenticator's secret, as bytes", secret.as_bytes(), IN_AND_OUT)?;
        let codes = Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_secret(secret)
            .build();
        let codes: Totp = codes.ok().context("no authenticator")?;
        let factor = made
            .pointer("/factor/id")
            .and_then(Value::as_str)
            .context("no factor")?;
        let shown = json!({"code": codes.generate(now()?).to_string()});
        let confirmed = ada
            .api
            .post(&format!("/api/v1/me/mfa/totp/{factor}:confirm"), &shown)?
            .json()?;
        let recovery = confirmed
            .pointer("/recovery_codes/0")
            .and_then(Value::as_str)
            .context("no codes")?;
        self.canaries.hide("a recovery code", recovery, IN_AND_OUT)?;
        self.canaries
            .hide("a recovery code in one piece", &recovery.replace('-', ""), IN_AND_OUT)?;
        let half = ada
            .api
            .post("/api/v1/auth/login", &json!({"email": ada.email, "password": new}))?
            .json()?;
        let challenge = text(&half, "challenge")?;
        self.canaries
            .hide("half a sign-in", secret_of(&challenge), IN_AND_OUT)?;
        let shown = json!({"challenge": challenge, "code": recovery});
        let signed_in = ada.api.post("/api/v1/auth/mfa/recovery", &shown)?.json()?;
        self.session(&mut ada.api, &signed_in).map(drop)
    }
}

/// As an authenticator's clock says, in seconds.
#[expect(clippy::disallowed_methods, reason = "the clock of a telephone, which no test turns")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_secs())
}

/// The part of a token that is secret: it follows the last mark of what it is and whose.
fn secret_of(token: &str) -> &str {
    // Behind the kind (`ysk_`); base 64 may hold the mark itself.
    let rest = token.split_once('_').map_or(token, |(_, rest)| rest);
    match rest.split_once('_') {
        // A key says which it is first, in 32 digits.
        Some((id, secret)) if id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) => secret,
        _ => rest,
    }
}
