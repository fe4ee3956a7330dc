//! One way to call the API: with the key from the environment, or with the session of a profile.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, ETAG, HeaderMap, IF_MATCH};
use reqwest::{Method, RequestBuilder, StatusCode, Url};
use serde_json::{Value, json};

use crate::args::Global;
use crate::field::{entries, text};
use crate::profile::{self, Held, Profile, Profiles};

/// As long as a download may take.
const LONGEST: Duration = Duration::from_hours(24);

/// A client of one platform.
pub struct Client {
    http: reqwest::Client,
    base: Url,
    credential: Credential,
    /// The project that commands work in.
    pub project: Option<String>,
    operator_access: Option<String>,
    dry_run: bool,
}

enum Credential {
    None,
    ApiKey(String),
    Session {
        profile: String,
        file: PathBuf,
        access: Option<String>,
    },
}

/// An answer that went well.
pub struct Answer {
    pub body: Value,
    pub headers: HeaderMap,
}

/// The API said no, in the words of its problem document (RFC 9457).
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    problem: Value,
}

/// The profile has no session.
#[derive(Debug)]
pub struct SignedOut(String);

impl std::fmt::Display for SignedOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{0}` is signed out: `yunshu login --profile {0}`", self.0)
    }
}

impl std::error::Error for SignedOut {}

impl Refused {
    /// What an endpoint of OAuth 2.0 calls it.
    pub fn error(&self) -> Option<&str> {
        text(&self.problem, "error")
    }

    pub fn is_sign_in(&self) -> bool {
        self.status == StatusCode::UNAUTHORIZED
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let word = |field: &str| text(&self.problem, field).unwrap_or_default();
        // Endpoints of OAuth 2.0 say it in words of their own (RFC 6749, 5.2).
        let said = text(&self.problem, "detail").or_else(|| text(&self.problem, "error_description"));
        match said {
            Some(detail) => f.write_str(detail)?,
            None => write!(f, "{}", self.status)?,
        }
        for field in entries(&self.problem, "errors") {
            let part = |name: &str| text(field, name).unwrap_or_default();
            write!(f, "\n  {}: {}", part("pointer"), part("detail"))?;
        }
        let (code, request) = (word("code"), word("request_id"));
        write!(f, "\n  ({} {code}, request {request})", self.status.as_u16())
    }
}

impl std::error::Error for Refused {}

impl Client {
    /// With the key in `YUNSHU_API_KEY`, or as the profile's session.
    pub fn open(global: &Global) -> Result<Self> {
        let key = std::env::var("YUNSHU_API_KEY").ok().filter(|key| !key.is_empty());
        if let (Some(key), Some(url)) = (key, &global.url) {
            return Self::new(url, global, global.ca.as_deref(), Credential::ApiKey(key));
        }
        let file = profile::file()?;
        let (name, kept) = Profiles::read(&file)?.pick(global.profile.as_deref())?;
        let url = global.url.as_deref().unwrap_or(&kept.url);
        let ca = global.ca.as_deref().or(kept.ca.as_deref());
        let credential = match std::env::var("YUNSHU_API_KEY") {
            Ok(key) if !key.is_empty() => Credential::ApiKey(key),
            _ => Credential::Session {
                profile: name,
                file,
                access: None,
            },
        };
        let mut client = Self::new(url, global, ca, credential)?;
        client.project = global.project.clone().or(kept.project);
        Ok(client)
    }

    /// Without a credential, to sign in.
    pub fn anonymous(url: &str, global: &Global) -> Result<Self> {
        Self::new(url, global, global.ca.as_deref(), Credential::None)
    }

    fn new(url: &str, global: &Global, ca: Option<&Path>, credential: Credential) -> Result<Self> {
        let base: Url = url.parse().with_context(|| format!("`{url}` is no URL"))?;
        let local = matches!(base.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
        if base.scheme() != "https" && !local {
            bail!("{url} is not https: credentials are sent in the clear to this machine only");
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "it calls the address its user gave, nobody else's"
        )]
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_mins(1))
            .user_agent(concat!("yunshu/", env!("CARGO_PKG_VERSION")));
        if let Some(ca) = ca {
            let pem = std::fs::read(ca).with_context(|| format!("cannot read {}", ca.display()))?;
            for certificate in reqwest::Certificate::from_pem_bundle(&pem)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        Ok(Self {
            http: builder.build()?,
            base,
            credential,
            project: global.project.clone(),
            operator_access: global.operator_access.clone(),
            dry_run: global.dry_run,
        })
    }

    pub async fn get(&mut self, path: &str, query: &[(String, String)]) -> Result<Value> {
        Ok(self.call(Method::GET, path, query, None).await?.body)
    }

    pub async fn post(&mut self, path: &str, body: Option<&Value>) -> Result<Value> {
        Ok(self.call(Method::POST, path, &[], body).await?.body)
    }

    /// Changes what stands there now: an object that somebody changed in between stays as it is.
    pub async fn change(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.put_in_place(Method::PATCH, path, body).await
    }

    /// The same, as a whole.
    pub async fn replace(&mut self, path: &str, body: &Value) -> Result<Value> {
        self.put_in_place(Method::PUT, path, body).await
    }

    async fn put_in_place(&mut self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let seen = self.call(Method::GET, path, &[], None).await?;
        let tag = seen
            .headers
            .get(ETAG)
            .and_then(|tag| tag.to_str().ok())
            .map(str::to_owned);
        let how = (&[][..], Some(body));
        Ok(self.send(method, path, how, tag.as_deref()).await?.body)
    }

    /// Sends a form to an endpoint of OAuth 2.0.
    pub async fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Result<Value> {
        form(&self.http, &self.base, path, pairs).await
    }

    /// Deletes what stands there now: an object that somebody changed in between is not deleted.
    pub async fn delete(&mut self, path: &str) -> Result<Value> {
        let seen = self.call(Method::GET, path, &[], None).await?;
        let tag = seen
            .headers
            .get(ETAG)
            .and_then(|tag| tag.to_str().ok())
            .map(str::to_owned);
        Ok(self.send(Method::DELETE, path, (&[], None), tag.as_deref()).await?.body)
    }

    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        query: &[(String, String)],
        body: Option<&Value>,
    ) -> Result<Answer> {
        self.send(method, path, (query, body), None).await
    }

    /// Writes what is answered as it comes, however long that takes; answers how many bytes. What is cut off is an error.
    pub async fn download(&mut self, path: &str, query: &[(String, String)], to: &mut impl Write) -> Result<u64> {
        let request = self.request(&Method::GET, path, query).await?;
        let answer = request.timeout(LONGEST).send().await;
        let mut answer = answer.context("the platform does not answer")?;
        let status = answer.status();
        if !status.is_success() {
            let problem = answer.json().await.unwrap_or_default();
            return Err(Refused { status, problem }.into());
        }
        let mut bytes = 0;
        while let Some(chunk) = answer.chunk().await.context("the answer was cut off")? {
            to.write_all(&chunk)?;
            bytes += chunk.len() as u64;
        }
        Ok(bytes)
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        (query, body): (&[(String, String)], Option<&Value>),
        tag: Option<&str>,
    ) -> Result<Answer> {
        let mut request = self.request(&method, path, query).await?;
        if let Some(tag) = tag {
            request = request.header(IF_MATCH, tag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.context("the platform does not answer")?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        let said = answer.text().await?;
        // The console is text; everything else is JSON.
        let body = serde_json::from_str(&said).unwrap_or(Value::String(said));
        if status.is_success() {
            return Ok(Answer { body, headers });
        }
        Err(Refused { status, problem: body }.into())
    }

    /// What every call has in common.
    async fn request(&mut self, method: &Method, path: &str, query: &[(String, String)]) -> Result<RequestBuilder> {
        let mut url = self.base.join(&format!("/api/v1/{}", path.trim_start_matches('/')))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        if self.dry_run && *method != Method::GET && !path.starts_with("/auth/") {
            url.query_pairs_mut().append_pair("dry_run", "true");
        }
        let mut request = self.http.request(method.clone(), url);
        if let Some(bearer) = self.bearer().await? {
            request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
            if let Some(access) = &self.operator_access {
                request = request.header("Yunshu-Operator-Access", access);
            }
        }
        if *method == Method::POST && !path.starts_with("/auth/") {
            request = request.header("Idempotency-Key", ids::RequestId::mint().to_string());
        }
        Ok(request)
    }

    /// What proves who calls; a session's access token is fetched once per command.
    async fn bearer(&mut self) -> Result<Option<String>> {
        let (name, file) = match &self.credential {
            Credential::None => return Ok(None),
            Credential::ApiKey(key) => return Ok(Some(key.clone())),
            Credential::Session {
                access: Some(access), ..
            } => return Ok(Some(access.clone())),
            Credential::Session { profile, file, .. } => (profile.clone(), file.clone()),
        };
        let mut held = Held::take(&file)?;
        let kept = held.profiles.profiles.get_mut(&name).context("the profile is gone")?;
        let token = kept.refresh_token.clone();
        let token = token.ok_or_else(|| SignedOut(name.clone()))?;
        let tokens = match &kept.client {
            Some(client) => {
                let pairs = [
                    ("grant_type", "refresh_token"),
                    ("refresh_token", &token),
                    ("client_id", client),
                ];
                form(&self.http, &self.base, "/oauth/token", &pairs).await
            }
            None => refresh(&self.http, &self.base, &token).await,
        };
        let tokens = tokens.map_err(|error| match error.downcast_ref::<Refused>().and_then(Refused::error) {
            Some("invalid_grant") => SignedOut(name.clone()).into(),
            _ => error,
        })?;
        kept.refresh_token = text(&tokens, "refresh_token").map(str::to_owned);
        held.write()?;
        let fresh = text(&tokens, "access_token").map(str::to_owned);
        if let Credential::Session { access, .. } = &mut self.credential {
            access.clone_from(&fresh);
        }
        Ok(fresh)
    }

    /// The profile whose session this is.
    pub fn profile(&self) -> Option<(&str, &Path)> {
        match &self.credential {
            Credential::Session { profile, file, .. } => Some((profile, file)),
            Credential::None | Credential::ApiKey(_) => None,
        }
    }

    /// `/projects/{project}`.
    pub fn in_project(&self) -> Result<String> {
        let project = self.project.as_deref().unwrap_or("default");
        Ok(format!("/projects/{}", crate::resource::segment(project)?))
    }
}

async fn refresh(http: &reqwest::Client, base: &Url, token: &str) -> Result<Value> {
    let request = http
        .post(base.join("/api/v1/auth/refresh")?)
        .json(&json!({ "refresh_token": token }));
    let answer = request.send().await.context("the platform does not answer")?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status.is_success() {
        Ok(body)
    } else {
        Err(Refused { status, problem: body }.into())
    }
}

async fn form(http: &reqwest::Client, base: &Url, path: &str, pairs: &[(&str, &str)]) -> Result<Value> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    let request = http
        .post(base.join(&format!("/api/v1{path}"))?)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body);
    let answer = request.send().await.context("the platform does not answer")?;
    let status = answer.status();
    let body: Value = answer.json().await.unwrap_or_default();
    if status.is_success() {
        Ok(body)
    } else {
        Err(Refused { status, problem: body }.into())
    }
}

/// Keeps what a sign-in gave.
pub fn keep(file: &Path, name: &str, kept: Profile) -> Result<()> {
    profile::change(file, |all| {
        all.profiles.insert(name.to_owned(), kept);
        all.make_current(name)
    })
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{body_json, header, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::output::Format;

    fn global(dry_run: bool) -> Global {
        Global {
            profile: None,
            url: None,
            ca: None,
            project: None,
            operator_access: None,
            output: Format::Json,
            dry_run,
        }
    }

    fn session(server: &MockServer, dir: &Path) -> Client {
        let file = dir.join("profiles.toml");
        let kept = Profile {
            url: server.uri(),
            refresh_token: Some("r1".to_owned()),
            ..Profile::default()
        };
        keep(&file, "test", kept).unwrap();
        let credential = Credential::Session {
            profile: "test".to_owned(),
            file,
            access: None,
        };
        Client::new(&server.uri(), &global(true), None, credential).unwrap()
    }

    #[tokio::test]
    async fn a_token_is_turned_in_once_and_the_next_one_kept() {
        let (server, dir) = (MockServer::start().await, tempfile::tempdir().unwrap());
        let tokens = json!({"access_token": "a", "refresh_token": "r2"});
        Mock::given(path("/api/v1/auth/refresh"))
            .and(body_json(json!({"refresh_token": "r1"})))
            .respond_with(ResponseTemplate::new(200).set_body_json(tokens))
            .expect(1)
            .mount(&server)
            .await;
        Mock::given(path("/api/v1/me"))
            .and(header("authorization", "Bearer a"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"ok": true})))
            .expect(2)
            .mount(&server)
            .await;
        let mut client = session(&server, dir.path());
        for _ in 0..2 {
            assert_eq!(client.get("/me", &[]).await.unwrap(), json!({"ok": true}));
        }
        let kept = Profiles::read(&dir.path().join("profiles.toml"))
            .unwrap()
            .pick(None)
            .unwrap()
            .1;
        assert_eq!(kept.refresh_token.as_deref(), Some("r2"));
    }

    #[tokio::test]
    async fn an_access_is_named_beside_the_credential_and_nowhere_else() {
        let (server, dir) = (MockServer::start().await, tempfile::tempdir().unwrap());
        Mock::given(path("/api/v1/vms"))
            .and(header("authorization", "Bearer a"))
            .and(header("yunshu-operator-access", "an-access"))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({})))
            .expect(1)
            .mount(&server)
            .await;
        let tokens = json!({"access_token": "a", "refresh_token": "r2"});
        Mock::given(path("/api/v1/auth/refresh"))
            .respond_with(ResponseTemplate::new(200).set_body_json(tokens))
            .mount(&server)
            .await;
        let mut client = session(&server, dir.path());
        client.operator_access = Some("an-access".to_owned());
        client.get("/vms", &[]).await.unwrap();
        let asked = server.received_requests().await.unwrap();
        let renewal = asked
            .iter()
            .find(|request| request.url.path().ends_with("/refresh"))
            .unwrap();
        assert!(!renewal.headers.contains_key("yunshu-operator-access"));
    }

    #[tokio::test]
    async fn a_deletion_names_what_was_seen_and_a_dry_run_says_so() {
        let server = MockServer::start().await;
        Mock::given(method("GET"))
            .respond_with(
                ResponseTemplate::new(200)
                    .insert_header("etag", "\"7\"")
                    .set_body_json(json!({})),
            )
            .mount(&server)
            .await;
        Mock::given(method("DELETE"))
            .and(header("if-match", "\"7\""))
            .and(query_param("dry_run", "true"))
            .respond_with(ResponseTemplate::new(204))
            .expect(1)
            .mount(&server)
            .await;
        let mut client = Client::new(&server.uri(), &global(true), None, Credential::ApiKey("k".to_owned())).unwrap();
        client.delete("/projects/a").await.unwrap();
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_platforms_words() {
        let server = MockServer::start().await;
        let problem = json!({"detail": "Mend it.", "code": "invalid", "request_id": "7",
                             "errors": [{"pointer": "/name", "detail": "too long"}]});
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(400).set_body_json(problem))
            .mount(&server)
            .await;
        let mut client = Client::new(&server.uri(), &global(false), None, Credential::ApiKey("k".to_owned())).unwrap();
        let error = client.post("/projects", Some(&json!({}))).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "Mend it.\n  /name: too long\n  (400 invalid, request 7)"
        );
    }

    #[test]
    fn credentials_do_not_leave_the_machine_in_the_clear() {
        assert!(Client::anonymous("http://cloud.example", &global(false)).is_err());
        assert!(Client::anonymous("http://127.0.0.1:8080", &global(false)).is_ok());
    }
}
