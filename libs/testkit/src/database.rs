use std::str::FromStr;

use db::Connect;
use ids::EventId;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Held while the template is made, cluster-wide.
const TEMPLATE_LOCK: i64 = 0x59_75_6e_73_68_75;

/// A database of one test, gone with it.
pub(crate) struct Database {
    pub name: String,
    admin: PgConnectOptions,
}

fn admin() -> PgConnectOptions {
    let url = std::env::var("YUNSHU_TEST_PG").expect(
        "YUNSHU_TEST_PG is not set: run `cargo run -p xtask -- pg-test start`, then `source .local/test.env` (./dev test does both)",
    );
    PgConnectOptions::from_str(&url).expect("YUNSHU_TEST_PG is a postgres:// URL of a superuser")
}

impl Database {
    pub async fn clone_template() -> Self {
        let admin = admin();
        let name = format!("t_{}", EventId::mint().as_uuid().simple());
        let mut sql = PgConnection::connect_with(&admin)
            .await
            .expect("the test database server answers");
        let template = template(&mut sql, &admin).await;
        run(&mut sql, format!("create database {name} template {template}")).await;
        sql.close().await.expect("closes");
        Self { name, admin }
    }

    pub fn connect(&self) -> Connect {
        connect(&self.admin, &self.name)
    }

    /// As superuser: to seed what another service would have written, and to look behind the curtain.
    pub async fn superuser(&self) -> PgConnection {
        PgConnection::connect_with(&self.admin.clone().database(&self.name))
            .await
            .expect("connects")
    }
}

fn connect(admin: &PgConnectOptions, name: &str) -> Connect {
    let socket = admin.get_socket().map(|path| path.display().to_string());
    Connect {
        host: socket.unwrap_or_else(|| admin.get_host().to_owned()),
        port: admin.get_port(),
        name: name.to_owned(),
        secrets: None,
        connections: 10,
        allow_unsafe_version: false,
    }
}

/// The migrated template of this schema, made by whoever comes first.
async fn template(sql: &mut PgConnection, admin: &PgConnectOptions) -> String {
    let name = format!("template_{}", db::migrate::fingerprint());
    if exists(sql, &name).await {
        return name;
    }
    sqlx::query("select pg_advisory_lock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *sql)
        .await
        .expect("locks");
    if !exists(sql, &name).await {
        let making = format!("making_{name}");
        run(sql, format!("drop database if exists {making}")).await;
        run(sql, format!("create database {making}")).await;
        let mut inside = PgConnection::connect_with(&admin.clone().database(&making))
            .await
            .expect("connects");
        db::migrate::roles(&mut inside, &connect(admin, &making))
            .await
            .expect("roles");
        db::migrate::schema(&mut inside)
            .await
            .expect("migrations run from empty");
        inside.close().await.expect("closes");
        run(sql, format!("alter database {making} rename to {name}")).await;
    }
    sqlx::query("select pg_advisory_unlock($1)")
        .bind(TEMPLATE_LOCK)
        .execute(&mut *sql)
        .await
        .expect("unlocks");
    name
}

async fn exists(sql: &mut PgConnection, name: &str) -> bool {
    sqlx::query_scalar("select exists (select from pg_database where datname = $1)")
        .bind(name)
        .fetch_one(sql)
        .await
        .expect("answers")
}

async fn run(sql: &mut PgConnection, command: String) {
    // Names are made here of hexadecimal digits; nothing from outside is in them.
    let done = sqlx::query(AssertSqlSafe(command.clone())).execute(sql).await;
    done.unwrap_or_else(|error| panic!("{command}: {error}"));
}

impl Drop for Database {
    fn drop(&mut self) {
        let (admin, name) = (self.admin.clone(), self.name.clone());
        // A test's runtime may be ending: the database is dropped on a thread of its own.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .ok()?;
            runtime.block_on(async {
                let mut sql = PgConnection::connect_with(&admin).await.ok()?;
                let command = format!("drop database if exists {name} with (force)");
                sqlx::query(AssertSqlSafe(command)).execute(&mut sql).await.ok()
            })
        });
        // A database that stays behind costs disk, not truth.
        drop(dropped.join());
    }
}
