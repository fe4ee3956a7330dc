//! Against the API as it is documented, played by [`Played`]; and against a real server where `VAULT_ADDR` and `VAULT_TOKEN`
//! say there is one (with a key `yunshu-test-1` and `yunshu-test-2` in the engine at `transit`). Without them, what is
//! tested is the wire format.

use std::collections::BTreeMap;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::{Value, json};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate, matchers::any};

use super::*;
use crate::provider::conformance::{Subject, holds};
use crate::{Kek, check};

const TOKEN: &str = "hvs.canary-of-the-token";

/// What the server answers now.
#[derive(Clone)]
enum Mood {
    Well,
    Says(u16, &'static str),
    /// This once, and then it is well.
    Once(u16),
    /// Later than anybody waits.
    Slow,
    /// That it does not know of additional data.
    Old,
}

/// Method and path of a question, and its headers.
type Asked = (String, Vec<(String, String)>);

/// A transit engine: its keys by name and version.
#[derive(Clone)]
struct Played {
    keys: Arc<Mutex<BTreeMap<String, Vec<Kek>>>>,
    mood: Arc<Mutex<Mood>>,
    token: Arc<Mutex<String>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

fn no(status: u16, error: &str) -> Box<ResponseTemplate> {
    Box::new(ResponseTemplate::new(status).set_body_json(json!({"errors": [error]})))
}

impl Played {
    fn new() -> Self {
        let keys = ["one", "two"].map(|name| (name.to_owned(), vec![Kek::new(random())]));
        Self {
            keys: Arc::new(Mutex::new(keys.into())),
            mood: Arc::new(Mutex::new(Mood::Well)),
            token: Arc::new(Mutex::new(TOKEN.to_owned())),
            asked: Arc::default(),
        }
    }

    fn does(&self, request: &Request, forgetful: bool) -> Result<Value, Box<ResponseTemplate>> {
        let header = |name: &str| request.headers.get(name).and_then(|value| value.to_str().ok());
        if header("x-vault-token") != Some(self.token.lock().unwrap().as_str()) {
            return Err(no(403, "permission denied"));
        }
        let Some(path) = request.url.path().strip_prefix("/v1/transit/") else {
            return Err(no(404, "no handler for route"));
        };
        let (operation, name) = path.split_once('/').unwrap();
        let keys = self.keys.lock().unwrap();
        let versions = keys.get(name).ok_or_else(|| no(400, "encryption key not found"))?;
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |field: &str| body[field].as_str().unwrap().to_owned();
        let mut context = STANDARD.decode(text("associated_data")).unwrap();
        if forgetful {
            context.clear();
        }
        match operation {
            "encrypt" => {
                let plain: [u8; 32] = STANDARD.decode(text("plaintext")).unwrap().try_into().unwrap();
                let sealed = versions.last().unwrap().wrap(&plain, &context).unwrap();
                let sealed = format!("vault:v{}:{}", versions.len(), STANDARD.encode(sealed));
                Ok(json!({"ciphertext": sealed, "key_version": versions.len()}))
            }
            "decrypt" => {
                let sealed = text("ciphertext");
                let rest = sealed
                    .strip_prefix("vault:v")
                    .ok_or_else(|| no(400, "invalid ciphertext: no prefix"))?;
                let fields = "invalid ciphertext: wrong number of fields";
                let (version, sealed) = rest.split_once(':').ok_or_else(|| no(400, fields))?;
                let number = "invalid ciphertext: version number could not be decoded";
                let version: usize = version.parse().map_err(|_| no(400, number))?;
                let by = versions.get(version.max(1) - 1);
                let by = by.ok_or_else(|| no(400, "invalid ciphertext: version is too new"))?;
                let base64 = "invalid ciphertext: could not decode base64";
                let sealed = STANDARD.decode(sealed).map_err(|_| no(400, base64))?;
                let plain = by.unwrap(&sealed, &context);
                let plain = plain.map_err(|_| no(400, "cipher: message authentication failed"))?;
                Ok(json!({"plaintext": STANDARD.encode(*plain)}))
            }
            _ => Err(no(404, "unsupported path")),
        }
    }

    fn turn(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
        self.asked.lock().unwrap().clear();
    }

    fn times_asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl Respond for Played {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let headers = request.headers.iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let asked = (format!("{} {}", request.method, request.url.path()), headers.collect());
        self.asked.lock().unwrap().push(asked);
        let mood = self.mood.lock().unwrap().clone();
        let does = |forgetful| match self.does(request, forgetful) {
            Ok(data) => {
                ResponseTemplate::new(200).set_body_json(json!({"request_id": "r", "data": data, "warnings": null}))
            }
            Err(refusal) => *refusal,
        };
        match mood {
            Mood::Well => does(false),
            Mood::Old => does(true),
            Mood::Slow => does(false).set_delay(Duration::from_mins(1)),
            Mood::Says(status, body) => ResponseTemplate::new(status).set_body_raw(body, "application/json"),
            Mood::Once(status) => {
                *self.mood.lock().unwrap() = Mood::Well;
                *no(status, "for a moment")
            }
        }
    }
}

/// A played server, reached by two providers.
struct Stage {
    played: Played,
    server: Mutex<Option<MockServer>>,
    address: SocketAddr,
    folder: tempfile::TempDir,
    keys: Vec<Transit>,
}

impl Stage {
    async fn open() -> Self {
        let played = Played::new();
        let address = free();
        let server = serve(&played, address).await;
        let folder = tempfile::tempdir().unwrap();
        write_token(&folder.path().join("token"), TOKEN);
        let mut stage = Self {
            played,
            server: Mutex::new(Some(server)),
            address,
            folder,
            keys: Vec::new(),
        };
        stage.keys = ["one", "two"]
            .map(|key| Transit::trusted(stage.settings(key)).unwrap())
            .into();
        stage
    }

    fn settings(&self, key: &str) -> TransitSettings {
        TransitSettings {
            url: format!("http://{}", self.address).parse().unwrap(),
            mount: "transit".to_owned(),
            key: key.to_owned(),
            token_file: self.token_file(),
            namespace: None,
            ca: None,
        }
    }

    fn token_file(&self) -> PathBuf {
        self.folder.path().join("token")
    }
}

/// Below the ports that outgoing connections are given, and no test's twice: while nobody listens there, nobody else takes it.
fn free() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 10_000 + u16::try_from(std::process::id() % 9_000).unwrap();
    loop {
        let port = start + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        if TcpListener::bind(address).is_ok() {
            break address;
        }
    }
}

async fn serve(played: &Played, at: SocketAddr) -> MockServer {
    let server = MockServer::builder()
        .listener(TcpListener::bind(at).unwrap())
        .start()
        .await;
    Mock::given(any()).respond_with(played.clone()).mount(&server).await;
    server
}

fn write_token(file: &Path, token: &str) {
    let mut made = std::fs::File::create(file).unwrap();
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o600)).unwrap();
    writeln!(made, "{token}").unwrap();
}

impl Subject for Stage {
    fn provider(&self) -> &dyn KekProvider {
        &self.keys[0]
    }

    fn other(&self) -> &dyn KekProvider {
        &self.keys[1]
    }

    fn secrets(&self) -> Vec<String> {
        vec![TOKEN.to_owned()]
    }

    fn away(&self) -> BoxFuture<'_, bool> {
        drop(self.server.lock().unwrap().take());
        Box::pin(std::future::ready(true))
    }

    fn back(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            let server = serve(&self.played, self.address).await;
            *self.server.lock().unwrap() = Some(server);
        })
    }
}

#[tokio::test]
async fn a_transit_server_is_a_provider() {
    holds(&Stage::open().await).await;
}

struct Real(Vec<Transit>, String);
impl Subject for Real {
    fn provider(&self) -> &dyn KekProvider {
        &self.0[0]
    }

    fn other(&self) -> &dyn KekProvider {
        &self.0[1]
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.1.clone()]
    }
}

/// The same against a real server, where there is one.
#[tokio::test]
async fn a_real_transit_server_is_a_provider() {
    let (Ok(url), Ok(token)) = (std::env::var("VAULT_ADDR"), std::env::var("VAULT_TOKEN")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let token_file = folder.path().join("token");
    write_token(&token_file, &token);
    let key = |key: &str| {
        let settings = TransitSettings {
            url: url.parse().unwrap(),
            mount: "transit".to_owned(),
            key: key.to_owned(),
            token_file: token_file.clone(),
            namespace: std::env::var("VAULT_NAMESPACE").ok(),
            ca: std::env::var_os("VAULT_CACERT").map(PathBuf::from),
        };
        Transit::trusted(settings).unwrap()
    };
    holds(&Real(["yunshu-test-1", "yunshu-test-2"].map(key).into(), token)).await;
}

#[tokio::test]
async fn what_is_sent_is_what_the_api_says() {
    let stage = Stage::open().await;
    let settings = TransitSettings {
        namespace: Some("team/a".to_owned()),
        ..stage.settings("one")
    };
    let provider = Transit::trusted(settings).unwrap();
    assert_eq!(provider.name(), "transit:team/a/transit/one");
    let wrapped = provider.wrap(&[7; 32], b"context").await.unwrap();
    assert!(wrapped.starts_with(b"vault:v1:"));
    provider.unwrap(&wrapped, b"context").await.unwrap();
    let asked = stage.played.asked.lock().unwrap();
    let paths: Vec<_> = asked.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["POST /v1/transit/encrypt/one", "POST /v1/transit/decrypt/one"]);
    for (_, headers) in asked.iter() {
        let header = |wanted: &str| {
            headers
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-vault-token"), Some(TOKEN));
        assert_eq!(header("x-vault-namespace"), Some("team/a"));
        assert_eq!(header("x-vault-request"), Some("true"));
        assert_eq!(header("content-type"), Some("application/json"));
    }
}

#[tokio::test]
async fn the_server_rotates_its_key_and_old_versions_unwrap() {
    let stage = Stage::open().await;
    let provider = &stage.keys[0];
    let old = provider.wrap(&[1; 32], b"a").await.unwrap();
    stage
        .played
        .keys
        .lock()
        .unwrap()
        .get_mut("one")
        .unwrap()
        .push(Kek::new(random()));
    let new = provider.wrap(&[2; 32], b"a").await.unwrap();
    assert!(old.starts_with(b"vault:v1:") && new.starts_with(b"vault:v2:"));
    assert_eq!(*provider.unwrap(&old, b"a").await.unwrap(), [1; 32]);
    assert_eq!(*provider.unwrap(&new, b"a").await.unwrap(), [2; 32]);
}

#[tokio::test]
async fn t22_each_answer_of_the_server_means_one_thing() {
    let stage = Stage::open().await;
    let provider = &stage.keys[0];
    let wrapped = provider.wrap(&[7; 32], b"a").await.unwrap();
    for (status, body, meaning, asked) in [
        (400, r#"{"errors": ["encryption key not found"]}"#, "refuses", 1),
        (400, r#"{"errors": ["key is soft deleted"]}"#, "refuses", 1),
        (
            400,
            r#"{"errors": ["ciphertext or signature version is disallowed by policy (too old)"]}"#,
            "refuses",
            1,
        ),
        (400, r#"{"errors": ["something else"]}"#, "refuses", 1),
        (
            403,
            r#"{"errors": ["1 error occurred:\n\t* permission denied\n\n"]}"#,
            "refuses",
            1,
        ),
        (404, r#"{"errors": []}"#, "refuses", 1),
        (405, "", "refuses", 1),
        (
            400,
            r#"{"errors": ["cipher: message authentication failed"]}"#,
            "is not one",
            1,
        ),
        (
            500,
            r#"{"errors": ["1 error occurred:\n\t* cipher: message authentication failed\n\n"]}"#,
            "is not one",
            1,
        ),
        (400, r#"{"errors": ["invalid ciphertext: no prefix"]}"#, "is not one", 1),
        (500, r#"{"errors": ["internal error"]}"#, "cannot be reached", 2),
        (502, "<html>", "cannot be reached", 2),
        (503, r#"{"errors": ["Vault is sealed"]}"#, "cannot be reached", 2),
        (
            429,
            r#"{"errors": ["request path \"transit/\": rate limit quota exceeded"]}"#,
            "cannot be reached",
            2,
        ),
        (307, "", "cannot be reached", 1),
        (472, "", "cannot be reached", 1),
        (473, "", "cannot be reached", 1),
        (200, "", "cannot be reached", 1),
        (200, "garbage", "cannot be reached", 1),
        (200, "[]", "cannot be reached", 1),
        (200, r#"{"data": {}}"#, "cannot be reached", 1),
        (200, r#"{"data": {"plaintext": "no base64!"}}"#, "cannot be reached", 1),
        (200, r#"{"data": {"plaintext": "c2hvcnQ="}}"#, "is not one", 1),
    ] {
        stage.played.turn(Mood::Says(status, body));
        let said = provider.unwrap(&wrapped, b"a").await.unwrap_err();
        assert!(said.to_string().contains(meaning), "{status} {body}: {said}");
        assert_eq!(stage.played.times_asked(), asked, "{status} {body}");
    }
    for body in [
        "",
        "garbage",
        r#"{"data": {"ciphertext": "plain"}}"#,
        r#"{"data": {"ciphertext": "vault:v1:\"\n"}}"#,
    ] {
        stage.played.turn(Mood::Says(200, body));
        let said = provider.wrap(&[7; 32], b"a").await.unwrap_err();
        assert!(matches!(said, KekError::Unavailable { .. }), "{body}: {said}");
    }
}

#[tokio::test]
async fn t22_a_moment_of_weakness_is_waited_out_once() {
    let stage = Stage::open().await;
    for status in [429, 500, 503] {
        stage.played.turn(Mood::Once(status));
        assert!(stage.keys[0].wrap(&[7; 32], b"a").await.is_ok(), "{status}");
        assert_eq!(stage.played.times_asked(), 2, "{status}");
    }
}

#[tokio::test]
async fn t22_slow_and_endless_answers_are_cut_off() {
    let mut stage = Stage::open().await;
    stage.keys[0].patience = Duration::from_millis(300);
    stage.played.turn(Mood::Slow);
    let begun = Instant::now();
    let said = stage.keys[0].wrap(&[7; 32], b"a").await.unwrap_err();
    assert!(
        matches!(&said, KekError::Unavailable { cause, .. } if cause.contains("300ms")),
        "{said}"
    );
    assert!(begun.elapsed() < Duration::from_secs(3) && stage.played.times_asked() == 1);

    let endless = format!(r#"{{"data": {{"ciphertext": "vault:v1:{}"}}}}"#, "A".repeat(64 << 10));
    stage.played.turn(Mood::Says(200, endless.leak()));
    let said = stage.keys[1].wrap(&[7; 32], b"a").await.unwrap_err();
    assert!(
        matches!(&said, KekError::Unavailable { cause, .. } if cause.contains("larger")),
        "{said}"
    );
}

#[tokio::test]
async fn a_token_that_is_renewed_is_used_at_once() {
    let stage = Stage::open().await;
    let provider = &stage.keys[0];
    assert_eq!(check(provider).await, Ok(()));
    "hvs.the-next".clone_into(&mut stage.played.token.lock().unwrap());
    let said = check(provider).await.unwrap_err();
    assert!(
        matches!(&said, KekError::Refused { cause, .. } if cause.contains("policy")),
        "{said}"
    );
    write_token(&stage.token_file(), "hvs.the-next");
    assert_eq!(check(provider).await, Ok(()));
}

#[tokio::test]
async fn t24_a_token_that_others_can_read_is_not_used() {
    let stage = Stage::open().await;
    std::fs::set_permissions(stage.token_file(), PermissionsExt::from_mode(0o644)).unwrap();
    let said = stage.keys[0].wrap(&[7; 32], b"a").await.unwrap_err();
    assert!(
        matches!(&said, KekError::Refused { cause, .. } if cause.contains("chmod 600")),
        "{said}"
    );
    std::fs::remove_file(stage.token_file()).unwrap();
    let said = stage.keys[0].wrap(&[7; 32], b"a").await.unwrap_err();
    assert!(matches!(said, KekError::Unavailable { .. }), "{said}");
    assert_eq!(stage.played.times_asked(), 0);
}

#[tokio::test]
async fn t20_a_server_that_forgets_the_context_is_found_out() {
    let stage = Stage::open().await;
    stage.played.turn(Mood::Old);
    let said = check(&stage.keys[0]).await.unwrap_err();
    assert!(
        matches!(&said, KekError::Refused { cause, .. } if cause.contains("where a key belongs")),
        "{said}"
    );
}

#[tokio::test]
async fn t50_for_an_address_of_a_tenant_private_networks_stay_closed() {
    let stage = Stage::open().await;
    let settings = stage.settings("one");
    let guarded = Egress::new(settings.limits().unwrap()).unwrap();
    let provider = Transit::new(settings, guarded).unwrap();
    let said = provider.wrap(&[7; 32], b"a").await.unwrap_err();
    assert!(
        matches!(&said, KekError::Refused { cause, .. } if cause.contains("public address")),
        "{said}"
    );
    assert_eq!(stage.played.times_asked(), 0);
}

#[tokio::test]
async fn a_file_without_certificates_vouches_for_nobody() {
    let stage = Stage::open().await;
    let file = stage.folder.path().join("ca");
    let with = || {
        let settings = TransitSettings {
            ca: Some(file.clone()),
            ..stage.settings("one")
        };
        Transit::trusted(settings).map(|_| ())
    };
    assert!(with().unwrap_err().starts_with(".ca: "), "there is no file");
    for text in ["garbage", "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"] {
        std::fs::write(&file, text).unwrap();
        assert!(with().unwrap_err().starts_with(".ca: "), "{text}");
    }
}
