//! Entries that share commits: whoever is told that theirs is written can rely on it, whatever happens to the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use auth::Role;
use auth::action::vm;
use db::{AuditEvent, Db};
use futures::FutureExt;
use futures::future::join_all;
use ids::{EventId, TenantId};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection};
use testkit::{Bench, TestTenant, eventually};
use tokio::task::JoinSet;

/// What lies on the bus: whose, in which transaction, and what it is on.
struct Lying {
    tenant: TenantId,
    xact: String,
    object: String,
}

async fn lying(bench: &Bench, db: &Db) -> Vec<Lying> {
    let rows: Vec<(TenantId, String, EventId, i32, Value)> =
        sqlx::query_as("select tenant_id, xact::text, event_id, version, data from bus.outbox")
            .fetch_all(&mut bench.superuser().await)
            .await
            .unwrap();
    let open = |(tenant, xact, id, version, data): (TenantId, String, EventId, i32, Value)| {
        // It opens under the keys of the tenant whose row it is, or not at all.
        let entries = db::opened(db.keyring(), (tenant, id), version.unsigned_abs(), &data).unwrap();
        let lying = move |entry: AuditEvent| Lying {
            tenant,
            xact: xact.clone(),
            object: entry.object,
        };
        entries.into_iter().map(lying)
    };
    rows.into_iter().flat_map(open).collect()
}

async fn record(db: &Db, tenant: &TestTenant, object: String) -> Result<(), fault::Error> {
    let caller = tenant.caller(Role::Owner);
    db.record::<vm::Read>(&caller, object, json!({})).await
}

/// Keeps everybody from writing to the bus until it is given back.
async fn hold(bench: &Bench) -> PgConnection {
    let mut holder = bench.superuser().await;
    sqlx::raw_sql("begin; lock table bus.outbox in share mode")
        .execute(&mut holder)
        .await
        .unwrap();
    holder
}

async fn waiting_for_the_lock(bench: &Bench) {
    let query = "select count(*) from pg_stat_activity
                 where datname = current_database() and usename = 'yunshu_system' and wait_event_type = 'Lock'";
    eventually("a commit that is under way", async || {
        let count: i64 = sqlx::query_scalar(query)
            .fetch_one(&mut bench.superuser().await)
            .await
            .unwrap();
        (count == 1).then_some(())
    })
    .await;
}

async fn cut(bench: &Bench) -> i64 {
    sqlx::query_scalar(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and usename = 'yunshu_system' and state <> 'idle'",
    )
    .fetch_one(&mut bench.superuser().await)
    .await
    .unwrap()
}

fn xacts(lying: &[Lying]) -> HashSet<&str> {
    lying.iter().map(|row| row.xact.as_str()).collect()
}

/// Records so many behind a commit that is held up, so that all gather; `meanwhile` lets it go on.
async fn gathered<T>(
    bench: &Bench,
    entries: Vec<impl Future<Output = T>>,
    meanwhile: impl AsyncFnOnce(PgConnection),
) -> Vec<T> {
    let holder = hold(bench).await;
    let (told, ()) = tokio::join!(join_all(entries), async {
        waiting_for_the_lock(bench).await;
        meanwhile(holder).await;
    });
    told
}

#[tokio::test]
async fn t01_entries_of_two_tenants_share_commits_and_each_is_its_own_tenants() {
    let bench = Bench::new().await;
    let (one, two) = (bench.tenant("one").await, bench.tenant("two").await);
    let db = bench.db("identity");
    for tenant in [&one, &two] {
        db.keys(tenant.id).await.unwrap();
    }
    let entries = (0..100).map(|number| {
        let tenant = if number % 2 == 0 { &one } else { &two };
        record(&db, tenant, format!("{}:{number}", tenant.name))
    });
    let told = gathered(&bench, entries.collect(), async |holder| drop(holder)).await;
    assert!(told.iter().all(Result::is_ok));

    let lying = lying(&bench, &db).await;
    assert_eq!(lying.len(), 100);
    assert!(xacts(&lying).len() <= 2, "the first alone, then all who had gathered");
    for row in &lying {
        let tenant = if row.object.starts_with("one:") { &one } else { &two };
        assert_eq!(row.tenant, tenant.id, "{}", row.object);
    }
    // Each sees its own through row security, as every reader does.
    let mut tx = bench
        .db("notify")
        .read::<vm::List>(&one.caller(Role::Owner))
        .await
        .unwrap();
    let seen: Vec<TenantId> = sqlx::query_scalar("select tenant_id from bus.outbox")
        .fetch_all(tx.sql())
        .await
        .unwrap();
    assert!(!seen.is_empty() && seen.iter().all(|tenant| *tenant == one.id));
    assert!(seen.len() < 50, "entries of one tenant lie together: {}", seen.len());
}

#[tokio::test]
async fn t27_one_entry_that_cannot_be_written_refuses_no_other() {
    let bench = Bench::new().await;
    let (good, bad) = (bench.tenant("good").await, bench.tenant("bad").await);
    let db = bench.db("identity");
    for tenant in [&good, &bad] {
        db.keys(tenant.id).await.unwrap();
    }
    let poison = format!(
        "alter table bus.outbox add constraint poison check (tenant_id <> '{}')",
        bad.id
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(poison))
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
    let entries = (0..60).map(|number| {
        let tenant = if number == 37 { &bad } else { &good };
        record(&db, tenant, number.to_string())
    });
    let told = gathered(&bench, entries.collect(), async |holder| drop(holder)).await;
    for (number, told) in told.iter().enumerate() {
        assert_eq!(told.is_err(), number == 37, "{number}: {told:?}");
    }
    let lying = lying(&bench, &db).await;
    assert_eq!(lying.len(), 59);
    assert!(
        xacts(&lying).len() < 20,
        "halves, and not one by one: {}",
        xacts(&lying).len()
    );
}

#[tokio::test]
async fn t27_whoever_goes_away_loses_nothing_and_holds_up_nobody() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let db = bench.db("identity");
    db.keys(tenant.id).await.unwrap();
    let holder = hold(&bench).await;
    let mut gone: Vec<_> = (0..20)
        .map(|number| Box::pin(record(&db, &tenant, format!("gone:{number}"))))
        .collect();
    for one in &mut gone {
        assert!(one.now_or_never().is_none(), "it waits");
    }
    waiting_for_the_lock(&bench).await;
    // The one whose entry is being written, and those who wait behind it.
    drop(gone);
    let stays = record(&db, &tenant, "stays".to_owned());
    let (told, ()) = tokio::join!(stays, async { drop(holder) });
    told.unwrap();
    let lying = lying(&bench, &db).await;
    assert_eq!(lying.len(), 21, "all were handed in");
    assert!(xacts(&lying).len() <= 3);
}

#[tokio::test]
async fn t27_nobody_in_a_commit_that_is_cut_is_told_that_theirs_is_written() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let db = bench.db("identity");
    db.keys(tenant.id).await.unwrap();
    let entries = (0..30).map(|number| record(&db, &tenant, number.to_string())).collect();
    let told = gathered(&bench, entries, async |holder| {
        assert_eq!(cut(&bench).await, 1);
        drop(holder);
    })
    .await;
    for told in told {
        assert_eq!(told.unwrap_err().kind(), fault::Kind::Unavailable);
    }
    assert!(lying(&bench, &db).await.is_empty());
    record(&db, &tenant, "later".to_owned()).await.unwrap();
}

/// The very commit hangs, with everything in it written, and is cut there.
#[tokio::test]
async fn t27_a_cut_within_the_commit_itself_is_no_yes() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let db = bench.db("identity");
    db.keys(tenant.id).await.unwrap();
    let mut sql = bench.superuser().await;
    sqlx::raw_sql(
        "create function public.hang() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock(7); return null; end $$;
         create constraint trigger hang after insert on bus.outbox
             deferrable initially deferred for each row execute function public.hang();
         select pg_advisory_lock(7);",
    )
    .execute(&mut sql)
    .await
    .unwrap();
    let entries = (0..10).map(|number| record(&db, &tenant, number.to_string()));
    let (told, ()) = tokio::join!(join_all(entries), async {
        waiting_for_the_lock(&bench).await;
        let doing: String = sqlx::query_scalar(
            "select query from pg_stat_activity where datname = current_database() and usename = 'yunshu_system'
               and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut bench.superuser().await)
        .await
        .unwrap();
        assert_eq!(doing.to_lowercase(), "commit");
        assert_eq!(cut(&bench).await, 1);
        sql.close().await.unwrap();
    });
    // Whoever was in that commit, and whoever had come to wait behind it.
    assert!(told.iter().all(Result::is_err), "{told:?}");
    assert!(lying(&bench, &db).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t27_whatever_is_cut_whenever_each_yes_is_on_the_disk() {
    let bench = Arc::new(Bench::new().await);
    let tenant = bench.tenant("acme").await;
    let db = bench.db("identity");
    db.keys(tenant.id).await.unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let (db, tenant, done) = (db.clone(), tenant.clone(), Arc::clone(&done));
        writers.spawn(async move {
            let (mut yes, mut no) = (Vec::new(), 0);
            for number in 0.. {
                if done.load(Ordering::Relaxed) {
                    break;
                }
                let object = format!("{writer}:{number}");
                match record(&db, &tenant, object.clone()).await {
                    Ok(()) => yes.push(object),
                    Err(_) => no += 1,
                }
            }
            (yes, no)
        });
    }
    let mut cuts = 0;
    // Until enough were cut in the middle of something.
    tokio::time::timeout(Duration::from_secs(30), async {
        while cuts < 25 {
            cuts += cut(&bench).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    done.store(true, Ordering::Relaxed);
    let ended: Vec<(Vec<String>, u32)> = writers.join_all().await;
    let no: u32 = ended.iter().map(|(_, no)| no).sum();
    let yes: Vec<&String> = ended.iter().flat_map(|(yes, _)| yes).collect();
    assert!(no > 0 && yes.len() > 100, "{no} were refused, {} were not", yes.len());

    let lying = lying(&bench, &db).await;
    let there: HashSet<&str> = lying.iter().map(|row| row.object.as_str()).collect();
    assert_eq!(there.len(), lying.len(), "each once");
    for object in yes {
        assert!(there.contains(object.as_str()), "{object} was told to be written");
    }
}

#[tokio::test]
async fn what_was_handed_in_is_written_before_the_doors_close() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let db = bench.db("identity");
    db.keys(tenant.id).await.unwrap();
    for number in 0..5 {
        let mut handed = Box::pin(record(&db, &tenant, number.to_string()));
        assert!(handed.as_mut().now_or_never().is_none());
    }
    db.close().await;
    assert_eq!(lying(&bench, &db).await.len(), 5);
}
