//! T23 with the tools that operators use: what was destroyed stays so in a dump from before.

use std::process::Command;
use std::sync::Arc;

use auth::Role;
use auth::action::vm;
use crypto::{Destroyed, KekProvider, KeyError, Keyring, Place, Providers, Purpose};
use db::Db;
use serde_json::json;
use testkit::{Bench, Client, eventually};
use tlog::bundle::{Trust, verify};

/// A database that a dump was restored into, gone with its test.
struct Restored {
    name: String,
}

/// The test server, with another database.
fn server(database: &str) -> String {
    let mut url: reqwest::Url = std::env::var("YUNSHU_TEST_PG").unwrap().parse().unwrap();
    url.set_path(database);
    url.to_string()
}

fn run(program: &str, args: &[&str]) {
    let done = Command::new(program).args(args).output().unwrap();
    assert!(
        done.status.success(),
        "{program}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

impl Restored {
    fn of(dump: &str, name: String) -> Self {
        run("createdb", &["--maintenance-db", &server("postgres"), &name]);
        let restored = Self { name };
        run(
            "pg_restore",
            &["--exit-on-error", "--dbname", &server(&restored.name), dump],
        );
        restored
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        let args = [
            "--force",
            "--if-exists",
            "--maintenance-db",
            &server("postgres"),
            &self.name,
        ];
        // A database that stays behind costs disk, not truth.
        drop(Command::new("dropdb").args(args).output());
    }
}

#[tokio::test]
async fn t23_a_dump_from_before_brings_no_destroyed_key_back() {
    let (bench, files) = (Bench::new().await, tempfile::tempdir().unwrap());
    let (gone, stays) = (bench.tenant("gone").await, bench.tenant("stays").await);
    let file = files.path().join("destroyed");
    let ring = |list| {
        let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
        Keyring::new(Providers::of(provider), None, list, bench.clock.clone())
    };
    let place = |tenant| Place {
        tenant,
        table: "public.kept",
        column: "sealed",
        row: "1",
    };
    let db = bench.db("identity").with_keys(ring(Destroyed::open(&file).unwrap()));
    let mut sql = bench.superuser().await;
    sqlx::raw_sql("create table public.kept (tenant_id uuid primary key, sealed bytea not null)")
        .execute(&mut sql)
        .await
        .unwrap();
    for tenant in [gone.id, stays.id] {
        let keys = db.keys(tenant).await.unwrap();
        let sealed = keys.seal(Purpose::Audit, &place(tenant), b"what was said").unwrap();
        let row = sqlx::query("insert into public.kept values ($1, $2)")
            .bind(tenant)
            .bind(sealed);
        row.execute(&mut sql).await.unwrap();
    }

    let dump = files.path().join("dump").display().to_string();
    let name = bench.connect().name;
    run(
        "pg_dump",
        &["--format", "custom", "--file", &dump, "--dbname", &server(&name)],
    );
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            gone.id,
        )
        .await;
    Destroyed::open(&file).unwrap().add(gone.id, bench.clock.now()).unwrap();
    let restored = Restored::of(&dump, format!("{name}_restored"));

    let connect = db::Connect {
        name: restored.name.clone(),
        ..bench.connect()
    };
    let open = |list| {
        let wake = db::Wake::default();
        Db::connect(&connect, "identity", bench.clock.clone(), wake)
            .unwrap()
            .with_keys(ring(list))
    };
    let rows: Vec<(ids::TenantId, Vec<u8>)> = sqlx::query_as("select tenant_id, sealed from public.kept")
        .fetch_all(&mut restored_sql(&restored).await)
        .await
        .unwrap();
    let sealed = |tenant| &rows.iter().find(|row| row.0 == tenant).unwrap().1;

    // The dump holds the wrapped key: what keeps it shut is the list, and nothing else.
    let careless = open(Destroyed::unlisted()).keys(gone.id).await.unwrap();
    assert_eq!(
        careless.open(&place(gone.id), sealed(gone.id)).unwrap().as_slice(),
        b"what was said"
    );
    let careful = open(Destroyed::open(&file).unwrap());
    assert_eq!(careful.keys(gone.id).await.err(), Some(KeyError::Destroyed));
    let others = careful.keys(stays.id).await.unwrap();
    assert_eq!(
        others.open(&place(stays.id), sealed(stays.id)).unwrap().as_slice(),
        b"what was said"
    );
    drop((careless, careful, others));
}

/// The audit log on this database.
fn log(bench: &Bench, db: Db) -> Client {
    let settings = json!({"log": {"pace": {"entries": 1000, "seconds": 0}}});
    let settings: audit::Settings = serde_json::from_value(settings).unwrap();
    let deps = audit::Deps {
        db,
        feed: events::Feed::postgres(),
        key: bench.key.clone(),
        log: audit::Log::new("test/audit", &[7; 32]).unwrap(),
    };
    let service = audit::Service::build(&settings, deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    client
}

#[tokio::test]
async fn t23_over_a_restored_dump_every_proof_of_whose_key_was_destroyed_still_holds() {
    const FILE: &str = "/api/v1/audit/exports?format=verifiable";
    let (bench, files) = (Bench::new().await, tempfile::tempdir().unwrap());
    let gone = bench.tenant("gone").await;
    let trust = |kept: &str| Trust {
        keys: vec![tlog::Signer::from_seed("test/audit", &[7; 32]).unwrap().public()],
        checkpoint: Some(kept.to_owned()),
        ..Trust::default()
    };
    let before = log(&bench, bench.db("audit")).caller(&gone.caller(Role::Owner));
    let other = bench.db("identity");
    for number in 1..=3 {
        let changes = json!({"name": {"before": null, "after": format!("canary-{number}")}});
        let admin = gone.caller(Role::Admin);
        other
            .record::<vm::Create>(&admin, format!("vm:{number}"), changes)
            .await
            .unwrap();
    }
    // What an auditor has taken along: a checkpoint, and a file that tells all.
    let kept = eventually("a checkpoint over what was done", async || {
        let found = before.get("/api/v1/audit/checkpoints?limit=1").await.expect(200);
        let newest = found.json["items"][0].clone();
        (newest["size"].as_u64() >= Some(3)).then(|| newest["note"].as_str().unwrap().to_owned())
    })
    .await;
    let taken = before.get(FILE).await.expect(200).text;
    let told = verify(taken.as_bytes(), &trust(&kept)).unwrap();
    assert!(told.withheld == 0 && taken.contains("canary-1"), "{told:?}");

    let (dump, file) = (
        files.path().join("dump").display().to_string(),
        files.path().join("destroyed"),
    );
    let name = bench.connect().name;
    run(
        "pg_dump",
        &["--format", "custom", "--file", &dump, "--dbname", &server(&name)],
    );
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            gone.id,
        )
        .await;
    Destroyed::open(&file).unwrap().add(gone.id, bench.clock.now()).unwrap();
    let restored = Restored::of(&dump, format!("{name}_restored"));
    let connect = db::Connect {
        name: restored.name.clone(),
        ..bench.connect()
    };
    let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
    let ring = Keyring::new(
        Providers::of(provider),
        Some(bench.kek.clone()),
        Destroyed::open(&file).unwrap(),
        bench.clock.clone(),
    );
    let db = Db::connect(&connect, "audit", bench.clock.clone(), db::Wake::default()).unwrap();
    let after = log(&bench, db.with_keys(ring)).caller(&gone.caller(Role::Owner));

    let shown = after.get(FILE).await.expect(200).text;
    let report = verify(shown.as_bytes(), &trust(&kept)).unwrap();
    assert_eq!(
        (report.agrees_with, report.withheld),
        (told.agrees_with, report.entries)
    );
    assert!(report.entries >= 3 && !shown.contains("canary"), "{shown}");
    // Entry by entry too, and what comes now goes on from what was kept.
    let chosen = after.get(&format!("{FILE}&action=vm.*")).await.expect(200).text;
    let nothing_kept = Trust {
        checkpoint: None,
        ..trust(&kept)
    };
    let report = verify(chosen.as_bytes(), &nothing_kept).unwrap();
    assert_eq!((report.entries, report.withheld), (3, 3));
    let size = told.agrees_with.unwrap();
    let rest = after.get(&format!("{FILE}&after={size}")).await.expect(200).text;
    assert_eq!(verify(rest.as_bytes(), &trust(&kept)).unwrap().agrees_with, Some(size));
    // And what the auditor took along proves what it did.
    assert_eq!(verify(taken.as_bytes(), &trust(&kept)).unwrap(), told);
    bench.shutdown.cancel();
    drop(restored);
}

async fn restored_sql(restored: &Restored) -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(&server(&restored.name)).await.unwrap()
}
