//! No act without its entry, no entry without its act, whatever dies in between: the writer of acts, the writer of the
//! log, or the database's connections.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

use std::time::Duration;

use audit::{Deps, Service, Settings};
use auth::Role;
use auth::action::project;
use db::{Ask, Created, Db, Status, Subject};
use events::{Feed, Kafka};
use ids::ProjectId;
use serde::Serialize;
use testkit::{Bench, TestTenant, eventually};
use tokio::runtime::Runtime;

#[derive(Serialize)]
struct Made {
    id: ProjectId,
}

impl Subject for Made {
    fn object(&self) -> String {
        format!("project:{}", self.id)
    }
}

/// Makes a project as identity does, and commits it if it gets that far.
async fn make(db: &Db, tenant: &TestTenant, dry_run: bool) -> Result<(), String> {
    let ask = Ask {
        dry_run,
        ..Ask::plain(tenant.caller(Role::Owner))
    };
    let mut tx = db
        .change::<project::Create>(ask)
        .await
        .map_err(|error| error.to_string())?;
    let id = ProjectId::mint();
    sqlx::query(
        "insert into identity.projects (tenant_id, project_id, name, created_at, updated_at)
         values ($1, $2, 'p-' || $3, now(), now())",
    )
    .bind(tenant.id)
    .bind(id)
    .bind(id.to_string())
    .execute(tx.sql())
    .await
    .map_err(|error| error.to_string())?;
    tx.finish(Status::Created, Created(Made { id }))
        .await
        .map_err(|error| error.to_string())?;
    Ok(())
}

/// The audit service in a runtime of its own, to be killed with all its tasks.
fn start(bench: &Bench, feed: &Feed) -> Runtime {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let deps = Deps {
        db: bench.db("audit"),
        feed: feed.clone(),
        key: bench.key.clone(),
        log: audit::Log::new("test/audit", &[7; 32]).unwrap(),
    };
    let service = Service::build(&Settings::default(), deps).unwrap();
    runtime.spawn(service.run(bench.shutdown.clone()));
    runtime
}

async fn texts(bench: &Bench, query: &'static str, tenant: &TestTenant) -> Vec<String> {
    let mut sql = bench.superuser().await;
    sqlx::query_scalar(query)
        .bind(tenant.id)
        .fetch_all(&mut sql)
        .await
        .unwrap()
}

async fn logged(bench: &Bench, tenant: &TestTenant) -> usize {
    texts(bench, "select seq::text from audit.events where tenant_id = $1", tenant)
        .await
        .len()
}

async fn cut_connections(bench: &Bench) {
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and usename <> current_user",
    )
    .execute(&mut bench.superuser().await)
    .await
    .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t27_acts_and_entries_agree_after_every_kind_of_death() {
    acts_and_entries_agree(Feed::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t27_acts_and_entries_agree_over_kafka_too() {
    let brokers = std::env::var("YUNSHU_TEST_KAFKA").expect(
        "YUNSHU_TEST_KAFKA is not set: run `cargo run -p xtask -- kafka-test start`, then `source .local/test.env` (./dev test does both)",
    );
    let feed = Feed::kafka(Kafka {
        prefix: format!("t-{}", ProjectId::mint()),
        partitions: 3,
        // Members die here without leaving: their partitions are to go to the next well within a test's patience.
        session: Duration::from_secs(6),
        ..Kafka::new(brokers)
    });
    acts_and_entries_agree(feed).await;
}

async fn acts_and_entries_agree(feed: Feed) {
    let bench = Bench::new().await;
    let (one, two) = (bench.tenant("one").await, bench.tenant("two").await);
    let db = bench.db("identity");
    let mut unanswered = 0;
    let mut random = 7_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    for round in 0..12 {
        let (log, before) = (start(&bench, &feed), logged(&bench, &one).await);
        for number in 0..24 {
            let tenant = if number % 3 == 0 { &two } else { &one };
            // The client goes away somewhere between the first statement and the answer; some stay.
            let patience = Duration::from_micros(8 << next(18));
            let made = tokio::time::timeout(patience, make(&db, tenant, number % 8 == 7)).await;
            if !matches!(made, Ok(Ok(()))) {
                unanswered += 1;
            }
            if round % 3 == 2 && number == 12 {
                cut_connections(&bench).await;
            }
        }
        db.refuse(
            &one.caller(Role::Viewer),
            "vm.create",
            "path:/x".into(),
            db::AuditOutcome::Denied,
            "forbidden",
        )
        .await
        .unwrap();
        // It dies behind a commit that is seen, or anywhere.
        if round % 2 == 0 {
            let more = async || (logged(&bench, &one).await > before).then_some(());
            eventually("the log grows", more).await;
        } else {
            tokio::time::sleep(Duration::from_millis(next(120))).await;
        }
        log.shutdown_background();
    }
    assert!(unanswered > 20, "clients must go away in between: {unanswered}");

    let _log = std::mem::ManuallyDrop::new(start(&bench, &feed));
    for tenant in [&one, &two] {
        agree(&bench, tenant).await;
    }
    bench.shutdown.cancel();
}

async fn agree(bench: &Bench, tenant: &TestTenant) {
    let entries = bench.entries(tenant.id).await;
    let id = |entry: &serde_json::Value| entry["id"].as_str().unwrap().to_owned();
    let mut written: Vec<String> = entries.iter().map(id).collect();
    written.sort_unstable();
    let logged = "select event_id::text from audit.events where tenant_id = $1 order by 1";
    eventually("every entry is in the log", async || {
        (texts(bench, logged, tenant).await.len() >= written.len()).then_some(())
    })
    .await;
    assert_eq!(texts(bench, logged, tenant).await, written, "each once");

    let acts =
        "select 'project:' || project_id from identity.projects where tenant_id = $1 and name like 'p-%' order by 1";
    let entries = "select object from audit.events
                   where tenant_id = $1 and action = 'project.create' and outcome = 'success' order by 1";
    let (acts, entries) = (texts(bench, acts, tenant).await, texts(bench, entries, tenant).await);
    assert!(acts.len() > 20, "something was done: {}", acts.len());
    assert_eq!(acts, entries, "acts and entries");

    let numbers = texts(
        bench,
        "select seq::text from audit.events where tenant_id = $1 order by events.seq",
        tenant,
    )
    .await;
    let gapless: Vec<_> = (1..=numbers.len()).map(|number| number.to_string()).collect();
    assert_eq!(numbers, gapless, "the log has no gap");
}

#[tokio::test]
async fn t24_what_changed_is_not_readable_on_the_disk() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let deps = Deps {
        db: bench.db("audit"),
        feed: Feed::postgres(),
        key: bench.key.clone(),
        log: audit::Log::new("test/audit", &[7; 32]).unwrap(),
    };
    let service = Service::build(&Settings::default(), deps).unwrap();
    let client = bench.client(service.address()).caller(&tenant.caller(Role::Owner));
    bench.run(service.run(bench.shutdown.clone()));
    make(&bench.db("identity"), &tenant, false).await.unwrap();
    let raw = "select encode(changes, 'escape') from audit.events where tenant_id = $1";
    eventually("the entry", async || {
        (!texts(&bench, raw, &tenant).await.is_empty()).then_some(())
    })
    .await;
    let raw = texts(&bench, raw, &tenant).await;
    assert!(!raw[0].contains("before") && !raw[0].contains("project"), "{raw:?}");
    let shown = client.get("/api/v1/audit/events/1").await.expect(200);
    assert!(shown.json["changes"]["id"]["after"].is_string(), "{}", shown.text);

    // Its ciphertext is moved to another row: it opens there no more, and the log can still be read.
    sqlx::query("update audit.events set event_id = gen_random_uuid() where tenant_id = $1")
        .bind(tenant.id)
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
    let shown = client
        .get("/api/v1/audit/events?action=project.create")
        .await
        .expect(200);
    assert_eq!(
        shown.json["items"][0]["changes"],
        serde_json::Value::Null,
        "t20: {}",
        shown.text
    );
}
