//! T24: secrets and people go in through every door; then the platform stops, and whatever it left behind is searched.
//!
//! It runs as the program that is installed, so that its log, arguments and environment are those of a real one. What is
//! searched is all that somebody finds who takes the disk: the database's files, its tables' rows (where long values are
//! packed), its write-ahead log, its server's log, and the platform's own files. Kafka and Redis are not used in this shape.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use reqwest::{Certificate, Method};
use serde_json::{Value, json};
use sqlx::PgConnection;
use testkit::{Bench, eventually};

use crate::through_the_gateway::configure;

/// Something to look for, and where it may be found.
struct Canary {
    what: &'static str,
    forms: Vec<Vec<u8>>,
    /// Tables that keep it openly, by design.
    open: &'static [&'static str],
}

#[derive(Default)]
struct Canaries(Vec<Canary>);

fn random() -> String {
    let id = ids::EventId::mint().as_uuid().simple().to_string();
    format!("cny{}", &id[id.len() - 17..])
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

fn base32(text: &str) -> Vec<u8> {
    let digit = |c: u8| "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".bytes().position(|d| d == c).unwrap();
    let (mut bits, mut have, mut bytes) = (0_usize, 0, Vec::new());
    for c in text.bytes() {
        bits = (bits << 5 | digit(c)) & 0xffff;
        have += 5;
        if have >= 8 {
            have -= 8;
            bytes.push(u8::try_from(bits >> have & 0xff).unwrap());
        }
    }
    bytes
}

impl Canaries {
    /// A secret: it may be nowhere.
    fn secret(&mut self, what: &'static str, text: &str) {
        let bytes = text.as_bytes().to_vec();
        let forms = vec![hex(&bytes).into_bytes(), bytes];
        self.0.push(Canary { what, forms, open: &[] });
    }

    fn bytes(&mut self, what: &'static str, bytes: Vec<u8>) {
        self.secret(what, "");
        self.0.last_mut().unwrap().forms = vec![hex(&bytes).into_bytes(), bytes];
    }

    /// What is personal or a person's choice, and openly kept in these tables.
    fn open(&mut self, what: &'static str, text: &str, open: &'static [&'static str]) {
        self.secret(what, text);
        self.0.last_mut().unwrap().open = open;
    }

    fn forms(&self) -> (Vec<usize>, Vec<Vec<u8>>) {
        let each = self.0.iter().enumerate();
        each.flat_map(|(at, canary)| canary.forms.iter().map(move |form| (at, form.clone())))
            .unzip()
    }

    fn found_in(&self, bytes: &[u8]) -> BTreeSet<usize> {
        // A form of bytes that are no text has its digits beside it.
        let text = String::from_utf8_lossy(bytes);
        let in_text = |form: &Vec<u8>| std::str::from_utf8(form).is_ok_and(|form| text.contains(form));
        let found = |(_, canary): &(usize, &Canary)| canary.forms.iter().any(in_text);
        self.0.iter().enumerate().filter(found).map(|(at, _)| at).collect()
    }
}

/// The program, running. It does not outlive its test.
struct Program {
    child: Child,
    http: reqwest::Client,
    base: String,
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    async fn start(bench: &Bench, files: &Path) -> Self {
        let free = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut config = configure(bench, files);
        config["gateway"]["tls"] = json!(free.to_string());
        // The more is said, the more can slip out.
        config["log"] = json!({"filter": "debug"});
        let file = files.join("yunshud.toml");
        std::fs::write(&file, toml::to_string(&config).unwrap()).unwrap();
        let log = std::fs::File::create(files.join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_yunshud"))
            .args(["serve", "--config"])
            .arg(&file)
            .stdout(Stdio::from(log.try_clone().unwrap()))
            .stderr(Stdio::from(log))
            .spawn()
            .unwrap();
        let base = format!("https://localhost:{}", free.port());
        let http = eventually("the platform answers", async || {
            let ca = std::fs::read(files.join("pki/ca.pem")).ok()?;
            #[expect(clippy::disallowed_methods, reason = "a customer's client, to loopback")]
            let http = reqwest::Client::builder()
                .tls_certs_only([Certificate::from_pem(&ca).ok()?])
                .no_proxy()
                .build()
                .ok()?;
            let jwks = http.get(format!("{base}/.well-known/jwks.json")).send().await.ok()?;
            jwks.status().is_success().then_some(http)
        })
        .await;
        Self { child, http, base }
    }

    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> (u16, Value) {
        let request = self.http.request(method, format!("{}/api/v1{path}", self.base));
        let request = if token.is_empty() {
            request
        } else {
            request.bearer_auth(token)
        };
        let answer = request.json(&body).send().await.unwrap();
        let status = answer.status().as_u16();
        (
            status,
            serde_json::from_str(&answer.text().await.unwrap()).unwrap_or_default(),
        )
    }

    async fn made(&self, method: Method, path: &str, token: &str, body: Value) -> Value {
        let (status, answer) = self.ask(method, path, token, body).await;
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// Arguments and environment of the process, as others on the machine may see them.
    fn shown(&self) -> Vec<u8> {
        let read = |name: &str| std::fs::read(format!("/proc/{}/{name}", self.child.id())).unwrap();
        [read("cmdline"), read("environ")].concat()
    }

    async fn stop(mut self) {
        let kill = Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(kill.success());
        eventually("it ends", || std::future::ready(self.child.try_wait().unwrap())).await;
    }
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer[name].as_str().unwrap_or_else(|| panic!("no {name} in {answer}"))
}

/// Puts a canary into everything that takes or gives one.
async fn sing(program: &Program) -> Canaries {
    let mut all = Canaries::default();
    let person = person(program, &mut all).await;
    let token = person.as_str();
    let post = |path: &'static str, body: Value| program.made(Method::POST, path, token, body);

    let name = random();
    let key = post("/me/api-keys", json!({"name": name, "scopes": ["me.read"]})).await;
    all.open("the name of an API key", &name, &["identity.api_keys"]);
    all.secret("an API key", text(&key, "key"));
    let secret = text(&key, "key")
        .strip_prefix(auth::api_key::PREFIX)
        .and_then(|rest| rest.split_once('_'));
    all.secret("the secret part of an API key", secret.unwrap().1);
    program.made(Method::GET, "/me", text(&key, "key"), Value::Null).await;

    let description = random();
    post(
        "/service-accounts",
        json!({"name": "robot", "description": description}),
    )
    .await;
    all.open(
        "what is said of a service account",
        &description,
        &["identity.service_accounts"],
    );
    let made = post("/service-accounts/robot/credentials", json!({"name": "one"})).await;
    all.secret("the secret of a service account", text(&made, "client_secret"));
    let made = post("/service-accounts/robot/api-keys", json!({"name": "two"})).await;
    all.secret("the key of a service account", text(&made, "key"));

    let client = json!({"name": "app", "kind": "confidential", "redirect_uris": ["https://app.example/back"],
                        "grant_types": ["authorization_code"], "scopes": ["openid"]});
    let made = post("/oauth-clients", client).await;
    all.secret("the secret of an OAuth client", text(&made, "client_secret"));

    let secret = random();
    let provider =
        json!({"name": "elsewhere", "issuer": "https://login.example", "client_id": "us", "client_secret": secret});
    post("/identity-providers", provider).await;
    all.secret("our secret at another provider", &secret);

    let guest = format!("{}@people.example", random());
    let made = post("/invitations", json!({"email": guest, "role": "viewer"})).await;
    all.secret("the address of somebody invited", &guest);
    all.secret("an invitation", text(&made, "token"));

    // Refused, and said in the log.
    let (typed, field) = (random(), random());
    let (status, _) = program
        .ask(
            Method::POST,
            "/projects",
            token,
            json!({"name": "p", "password": typed}),
        )
        .await;
    assert_eq!(status, 400);
    all.secret("a secret in a field that there is not", &typed);
    let (status, _) = program
        .ask(
            Method::POST,
            "/projects",
            token,
            json!({"name": "p", (field.clone()): 1}),
        )
        .await;
    assert_eq!(status, 400);
    all.secret("the name of a field that there is not", &field);

    let made = post("/me/mfa/totp", json!({})).await;
    all.secret("an authenticator's secret", text(&made, "secret"));
    all.bytes("an authenticator's secret, as bytes", base32(text(&made, "secret")));
    all
}

/// Signs up, signs in by ways that do not work and one that does, renews, and is called something else. Their token.
async fn person(program: &Program, all: &mut Canaries) -> String {
    let (email, password) = (format!("{}@people.example", random()), format!("Pass {} 9!", random()));
    let (tenant, called) = (random(), random());
    let body = json!({"tenant": {"name": "acme", "display_name": tenant},
                      "user": {"email": email, "password": password, "display_name": called}});
    program.made(Method::POST, "/auth/signup", "", body).await;
    all.secret("a password", &password);
    all.secret("an address", &email);
    all.open("what a tenant is called", &tenant, &["identity.tenants"]);
    all.secret("what a person was called at first", &called);

    let (stranger, wrong) = (format!("{}@people.example", random()), format!("Pass {} 9!", random()));
    for address in [&stranger, &email] {
        let body = json!({"email": address, "password": wrong});
        assert_eq!(program.ask(Method::POST, "/auth/login", "", body).await.0, 401);
    }
    all.secret("a wrong password", &wrong);
    all.secret("the address of somebody unknown", &stranger);

    let body = json!({"email": email, "password": password});
    let session = program.made(Method::POST, "/auth/login", "", body).await;
    all.secret("an access token", text(&session, "access_token"));
    all.secret("a refresh token", text(&session, "refresh_token"));
    let body = json!({"refresh_token": text(&session, "refresh_token")});
    let session = program.made(Method::POST, "/auth/refresh", "", body).await;
    all.secret("a renewed refresh token", text(&session, "refresh_token"));

    let called = random();
    let token = text(&session, "access_token").to_owned();
    program
        .made(Method::PATCH, "/me", &token, json!({"display_name": called}))
        .await;
    all.secret("what a person is called", &called);
    token
}

/// Which canary is in which relation's file, the files of indexes and of long values with those of their tables.
async fn in_files(sql: &mut PgConnection, canaries: &Canaries) -> (i64, BTreeSet<(usize, String)>) {
    let (which, forms) = canaries.forms();
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "with files as materialized (
             select coalesce(
                 (select indrelid from pg_index where indexrelid = c.oid),
                 (select oid from pg_class where reltoastrelid = c.oid),
                 (select t.oid from pg_index i join pg_class t on t.reltoastrelid = i.indrelid where i.indexrelid = c.oid),
                 c.oid)::regclass::text as name,
                 pg_read_binary_file(pg_relation_filepath(c.oid), 0, 1000000000, true) as bytes
             from pg_class c where c.relkind in ('r', 'i', 't', 'm')
         )
         select name, number from files, unnest($1::bytea[]) with ordinality as form (bytes, number)
         where position(form.bytes in files.bytes) > 0
         union all select '', count(*) from files",
    )
    .bind(forms)
    .fetch_all(sql)
    .await
    .unwrap();
    let count = rows.iter().find(|row| row.0.is_empty()).map_or(0, |row| row.1);
    let found = rows.into_iter().filter(|row| !row.0.is_empty());
    let found = found.map(|(name, number)| (which[usize::try_from(number - 1).unwrap()], name));
    (count, found.collect())
}

/// And in the rows themselves.
async fn in_rows(bench: &Bench, canaries: &Canaries) -> (usize, BTreeSet<(usize, String)>) {
    let tables: Vec<String> = sqlx::query_scalar(
        "select oid::regclass::text from pg_class where relkind in ('r', 'm')
           and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    )
    .fetch_all(&mut bench.superuser().await)
    .await
    .unwrap();
    let mut found = BTreeSet::new();
    for table in &tables {
        let rows = bench.dump(table).await;
        found.extend(
            canaries
                .found_in(rows.as_bytes())
                .into_iter()
                .map(|at| (at, table.clone())),
        );
    }
    (tables.len(), found)
}

async fn scalar<T>(sql: &mut PgConnection, query: &'static str) -> T
where
    T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    sqlx::query_scalar(query).fetch_one(sql).await.unwrap()
}

/// And in the write-ahead log since then; other tests write it as well, and old segments of it may be gone.
async fn in_wal(sql: &mut PgConnection, canaries: &Canaries, since: &str) -> (usize, BTreeSet<(usize, String)>) {
    let (which, forms) = canaries.forms();
    let names: Vec<String> = sqlx::query_scalar(
        "select name from pg_ls_waldir() where name ~ '^[0-9A-F]{24}$' and name between $1 and pg_walfile_name(pg_current_wal_lsn())",
    )
    .bind(since)
    .fetch_all(&mut *sql)
    .await
    .unwrap();
    let mut found = BTreeSet::new();
    for name in &names {
        let numbers: Vec<i64> = sqlx::query_scalar(
            "with file as materialized (select pg_read_binary_file('pg_wal/' || $1, 0, 100000000, true) as bytes)
             select number from file, unnest($2::bytea[]) with ordinality as form (bytes, number)
             where position(form.bytes in file.bytes) > 0",
        )
        .bind(name)
        .bind(&forms)
        .fetch_all(&mut *sql)
        .await
        .unwrap();
        let numbers = numbers
            .into_iter()
            .map(|number| which[usize::try_from(number - 1).unwrap()]);
        found.extend(numbers.map(|at| (at, format!("wal {name}"))));
    }
    (names.len(), found)
}

/// Everything below a folder but the keys and this configuration.
fn left_behind(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(left_behind(&path));
        } else if let Ok(bytes) = std::fs::read(&path) {
            files.insert(path.display().to_string(), bytes);
        }
    }
    files
}

/// Where the server that tests use says what it has to say; elsewhere it goes where nobody here can look.
const SERVER_LOG: &str =
    "select coalesce((pg_stat_file(current_setting('data_directory') || '/../log', true)).size, -1)";

#[tokio::test(flavor = "multi_thread")]
async fn t24_no_secret_and_no_person_is_found_where_it_does_not_belong() {
    let (bench, files) = (Bench::new().await, tempfile::tempdir().unwrap());
    let mut sql = bench.superuser().await;
    let since: String = scalar(&mut sql, "select pg_walfile_name(pg_current_wal_lsn())").await;
    let said: i64 = scalar(&mut sql, SERVER_LOG).await;

    let program = Program::start(&bench, files.path()).await;
    let canaries = sing(&program).await;
    eventually("the log has taken it all", async || {
        let waiting: i64 = scalar(
            &mut bench.superuser().await,
            "select count(*) from bus.outbox o where kind = 'audit.recorded'
               and not exists (select from bus.inbox i where i.event_id = o.event_id)",
        )
        .await;
        (waiting == 0).then_some(())
    })
    .await;
    let shown = program.shown();
    program.stop().await;
    sqlx::query("checkpoint").execute(&mut sql).await.unwrap();

    let (relations, in_files) = in_files(&mut sql, &canaries).await;
    let (tables, in_rows) = in_rows(&bench, &canaries).await;
    let (segments, in_wal) = in_wal(&mut sql, &canaries, &since).await;
    let mut found: BTreeSet<(usize, String)> = in_files.into_iter().chain(in_rows).collect();
    // The way into an open table leads through it.
    let open = |at: usize| !canaries.0[at].open.is_empty();
    let through_wal = in_wal.iter().filter(|(at, _)| open(*at)).count();
    found.extend(in_wal.into_iter().filter(|(at, _)| !open(*at)));
    let mut others = left_behind(files.path());
    others.insert("arguments and environment".to_owned(), shown);
    assert!(others.keys().any(|name| name.ends_with("/log")) && others.len() > 5);
    if said >= 0 {
        let log = "select pg_read_binary_file(current_setting('data_directory') || '/../log', $1, 1000000000, true)";
        let log: Vec<u8> = sqlx::query_scalar(log).bind(said).fetch_one(&mut sql).await.unwrap();
        others.insert("the database server's log".to_owned(), log);
    } else {
        panic!("the database server's log is not beside its data: start it with `cargo xtask pg-test start`");
    }
    for (name, bytes) in &others {
        found.extend(canaries.found_in(bytes).into_iter().map(|at| (at, name.clone())));
    }

    // A search that finds nothing anywhere would prove nothing.
    assert!(
        segments == 0 || through_wal > 0,
        "what is open went through the write-ahead log"
    );
    for (at, canary) in canaries.0.iter().enumerate() {
        for table in canary.open {
            assert!(
                found.contains(&(at, (*table).to_owned())),
                "{} was not found in {table}",
                canary.what
            );
        }
    }
    let allowed = |(at, place): &(usize, String)| {
        let canary = &canaries.0[*at];
        // Statistics of a column are made of its values.
        let counted = !canary.open.is_empty() && place == "pg_statistic";
        counted || canary.open.contains(&place.as_str())
    };
    let wrong: Vec<String> = found
        .iter()
        .filter(|found| !allowed(found))
        .map(|(at, place)| format!("{} in {place}", canaries.0[*at].what))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    println!(
        "{} canaries, 0 out of place in {relations} relations, {tables} tables, {segments} WAL segments and {} other places",
        canaries.0.len(),
        others.len()
    );
}
