use auth::Role;
use auth::action::vm;
use clock::Clock;
use testkit::Bench;
use tlog::Frontier;
use tlog::bundle::{Trust, verify};

use super::*;
use crate::settings::{Pace, Settings};
use crate::store::events;
use crate::store::trees::Tree;
use crate::testing::start_with;
use crate::work::tests::{audit, settle, signed, write, write_from};

const DAY: Duration = Duration::from_hours(24);

async fn bench() -> (Bench, Clock) {
    let clock = Clock::held_at("2026-11-21T10:00:00Z".parse().unwrap());
    (Bench::at(clock.clone()).await, clock)
}

/// How many entries of a tenant still tell something, or are marked.
async fn telling(bench: &Bench, tenant: TenantId) -> i64 {
    let count =
        "select count(*) from audit.events where tenant_id = $1 and (changes is not null or ip_index is not null)";
    let telling: i64 = sqlx::query_scalar(count)
        .bind(tenant)
        .fetch_one(&mut bench.superuser().await)
        .await
        .unwrap();
    telling
}

async fn decide(bench: &Bench, tenant: TenantId, days: i32) {
    sqlx::query("insert into audit.retention (tenant_id, days) values ($1, $2)")
        .bind(tenant)
        .bind(days)
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
}

#[tokio::test]
async fn what_is_older_than_the_tenant_keeps_it_is_erased_and_the_log_grows_on() {
    let (bench, clock) = bench().await;
    let audit = audit(&bench);
    let (acme, other) = (bench.tenant("acme").await.id, bench.tenant("other").await.id);
    decide(&bench, other, 1_000).await;
    for tenant in [acme, other] {
        write(&audit, tenant, 5).await;
    }
    settle(&audit).await;
    clock.advance(DAY * 200);
    write(&audit, acme, 3).await;
    settle(&audit).await;
    round(&audit).await.unwrap();
    assert_eq!(telling(&bench, acme).await, 8, "nothing is a year old");
    clock.advance(DAY * 166);
    for _ in 0..2 {
        round(&audit).await.unwrap();
    }
    assert_eq!((telling(&bench, acme).await, telling(&bench, other).await), (3, 5));
    let told = bench.audit(acme).await;
    assert_eq!(
        told,
        [("audit.erase".to_owned(), "success".to_owned())],
        "run twice is run once"
    );

    write(&audit, acme, 1).await;
    settle(&audit).await;
    let last = signed(&audit, acme).await.pop().unwrap();
    let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
    let tree = Tree { tenant: acme, size: 0 };
    let mut frontier = Frontier::new();
    for entry in events::behind(&mut tx, tree, 100).await.unwrap() {
        frontier.push(entry.logged().leaf());
    }
    assert_eq!((last.size, last.root), (9, frontier.root()));
}

#[tokio::test]
async fn while_a_hold_is_on_nothing_is_erased() {
    let (bench, clock) = bench().await;
    let audit = audit(&bench);
    let tenant = bench.tenant("acme").await.id;
    write(&audit, tenant, 4).await;
    clock.advance(DAY * 4_000);
    let mut sql = bench.superuser().await;
    sqlx::query(
        "insert into audit.holds (tenant_id, hold_id, name, reason, created_at, created_by)
         values ($1, gen_random_uuid(), 'case', 'a court', now(), 'user:one')",
    )
    .bind(tenant)
    .execute(&mut sql)
    .await
    .unwrap();
    round(&audit).await.unwrap();
    assert_eq!(telling(&bench, tenant).await, 4);
    let mut tx = audit.db.system(Reason::Housekeeping).await.unwrap();
    let erased = retention::erase(&mut tx, tenant, 10).await.unwrap();
    assert_eq!(
        erased.entries, 0,
        "the step itself looks too, and not only who calls it"
    );
    drop(tx);
    sqlx::query("update audit.holds set lifted_at = created_at, lifted_by = 'user:two'")
        .execute(&mut sql)
        .await
        .unwrap();
    round(&audit).await.unwrap();
    assert_eq!(telling(&bench, tenant).await, 0);
}

#[tokio::test]
async fn t31_many_workers_and_some_that_die_erase_each_entry_once_and_say_so() {
    let (bench, clock) = bench().await;
    let audit = audit(&bench);
    let tenant = bench.tenant("acme").await.id;
    write_from(&audit, tenant, &[[192, 0, 2, 1].into(); 30]).await;
    clock.advance(DAY * 366);
    for round in 0..6 {
        let dying = step(&audit, tenant, 2);
        tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(Duration::from_millis(round)) => {} }
        let steps = (0..3).map(|_| step(&audit, tenant, 1));
        for done in futures::future::join_all(steps).await {
            done.unwrap();
        }
    }
    while step(&audit, tenant, 2).await.unwrap() {}
    assert_eq!(telling(&bench, tenant).await, 0);
    // What was erased is what was said to be.
    let entries = bench.entries(tenant).await;
    let erased = entries.iter().filter(|entry| entry["action"] == "audit.erase");
    let said: i64 = erased
        .filter_map(|entry| entry["changes"]["erased"]["entries"].as_i64())
        .sum();
    assert_eq!(said, 30);
}

#[tokio::test]
async fn an_export_of_what_was_erased_verifies_and_tells_no_more() {
    let (bench, clock) = bench().await;
    let mut settings = Settings::default();
    settings.log.pace = Pace {
        entries: 1_000,
        seconds: 0,
    };
    let test = start_with(bench, &settings).await;
    let tenant = test.bench.tenant("acme").await;
    for number in 1..=3 {
        test.wrote::<vm::Create>(&tenant.caller(Role::Admin), &format!("vm:canary-{number}"))
            .await;
    }
    test.signed(&tenant, 3).await;
    let owner = test.owner(&tenant);
    let kept = owner.get("/api/v1/audit/checkpoints/3").await.expect(200).json["note"]
        .as_str()
        .unwrap()
        .to_owned();
    clock.advance(DAY * 366);
    let worker = audit(&test.bench);
    while step(&worker, tenant.id, 10).await.unwrap() {}
    let trust = Trust {
        keys: vec![test.log_key.clone()],
        checkpoint: Some(kept),
        ..Trust::default()
    };
    let export = owner
        .get("/api/v1/audit/exports?format=verifiable")
        .await
        .expect(200)
        .text;
    let report = verify(export.as_bytes(), &trust).unwrap();
    assert!(report.withheld == 3 && report.agrees_with == Some(3), "{report:?}");
    let shown = owner.get("/api/v1/audit/events/1").await.expect(200);
    assert_eq!(
        (&shown.json["erased"], &shown.json["changes"], &shown.json["ip"]),
        (&json!(true), &json!(null), &json!(null))
    );
    assert_eq!(shown.json["object"], "vm:canary-1", "who did what stays");
    for format in ["ndjson", "csv", "json", "ocsf"] {
        owner
            .get(&format!("/api/v1/audit/exports?format={format}"))
            .await
            .expect(200);
    }
}
