//! T23 with the tools that operators use: what was destroyed stays so in a dump from before.

use std::process::Command;
use std::sync::Arc;

use crypto::{Destroyed, KekProvider, KeyError, Keyring, Place, Providers, Purpose};
use db::Db;
use testkit::Bench;

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

async fn restored_sql(restored: &Restored) -> sqlx::PgConnection {
    use sqlx::Connection;
    sqlx::PgConnection::connect(&server(&restored.name)).await.unwrap()
}
