use std::time::Duration;

use auth::Role;
use auth::action::audit as acts;
use chrono::DateTime;
use clock::Clock;
use db::Reason;
use ids::TenantId;
use testkit::{Bench, TestTenant};
use tlog::note::Limits;
use tlog::register::{Broken, SLOT, Watch};
use tlog::{Checkpoint, Hash, Note};

use super::*;
use crate::log::REGISTER;
use crate::store::checkpoints::Signed;
use crate::work::copy::{self, Copies};
use crate::work::tests::{audit, settle, signed, write};

const START: i64 = 1_700_000_000;

async fn held() -> Bench {
    Bench::at(Clock::held_at(DateTime::from_timestamp(START, 0).unwrap())).await
}

/// The next time that any log may stand in the register.
fn later(bench: &Bench) {
    bench.clock.advance(Duration::from_secs(SLOT));
}

async fn all(audit: &Audit) {
    while round(audit).await.unwrap() {}
}

fn said(signed: &Signed) -> Checkpoint {
    Note::parse(&signed.note, Limits::default())
        .unwrap()
        .text
        .parse()
        .unwrap()
}

async fn leaves(audit: &Audit, tenant: &TestTenant) -> Vec<Leaf> {
    let mut tx = audit
        .db
        .read::<acts::List>(&tenant.caller(Role::Auditor))
        .await
        .unwrap();
    let leaves = register::leaves(&mut tx, (0, i64::MAX), 10_000).await.unwrap();
    leaves.into_iter().map(|(_, leaf)| leaf).collect()
}

/// What a tenant is told of its own heads, and its blind.
async fn told(audit: &Audit, tenant: &TestTenant) -> (register::Begun, Vec<Head>) {
    let mut tx = audit
        .db
        .read::<acts::List>(&tenant.caller(Role::Auditor))
        .await
        .unwrap();
    let granted = tx.tenant().unwrap();
    let begun = register::begun(&mut tx, &granted).await.unwrap().unwrap();
    let heads = register::heads(&mut tx, &granted, (None, None), 1_000).await.unwrap();
    (begun, heads.into_iter().map(|one| one.head).collect())
}

/// What a tenant finds who looks through the register.
async fn watched(audit: &Audit, tenant: &TestTenant) -> Result<(), Broken> {
    let (begun, heads) = told(audit, tenant).await;
    let id = tenant.id.as_uuid().into_bytes();
    let now = audit.db.clock().now().timestamp().unsigned_abs();
    let from = begun.from_time.timestamp().unsigned_abs();
    let mut watch = Watch::new(id, begun.blind, (from, now));
    for leaf in leaves(audit, tenant).await {
        watch.push(leaf);
    }
    let newest = signed(audit, REGISTER).await.pop().unwrap();
    watch.finish(&said(&newest), &heads)
}

/// Whoever holds the database and the key registers what they like.
async fn forge(audit: &Audit, leaf: Leaf) {
    let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
    let now = tx.now();
    let tree = register::claim(&mut tx, now).await.unwrap().unwrap();
    let mut growth = start(&mut tx, tree).await.unwrap().unwrap();
    register::append(&mut tx, tree.size, &[leaf]).await.unwrap();
    growth.push(leaf.hash());
    sign(&mut tx, audit, tree, growth).await.unwrap();
    tx.commit().await.unwrap();
}

#[tokio::test]
async fn t26_one_history_for_the_tenant_and_another_for_an_auditor_show_in_the_register() {
    let bench = held().await;
    let audit = audit(&bench);
    let (acme, other) = (bench.tenant("acme").await, bench.tenant("other").await);
    for _ in 0..3 {
        for tenant in [&acme, &other] {
            write(&audit, tenant.id, 2).await;
        }
        settle(&audit).await;
        all(&audit).await;
        later(&bench);
    }
    assert_eq!(watched(&audit, &acme).await, Ok(()));
    assert_eq!(watched(&audit, &other).await, Ok(()));

    // The auditor is shown a history without the last two entries' truth: it must be in the register that witnesses cosign.
    let (begun, _) = told(&audit, &acme).await;
    let at = audit.db.clock().now().timestamp().unsigned_abs();
    let shown = Head {
        time: at,
        size: 6,
        root: Hash::of(b"another history"),
    };
    forge(
        &audit,
        Leaf::of_head(&acme.id.as_uuid().into_bytes(), &begun.blind, &shown),
    )
    .await;
    assert_eq!(watched(&audit, &acme).await, Err(Broken::Untold(at / SLOT * SLOT)));
    assert_eq!(watched(&audit, &other).await, Ok(()), "nobody else is accused");
}

#[tokio::test]
async fn t26_a_head_that_is_left_out_or_a_second_blind_is_found() {
    let bench = held().await;
    let audit = audit(&bench);
    let acme = bench.tenant("acme").await;
    write(&audit, acme.id, 2).await;
    settle(&audit).await;
    all(&audit).await;
    let mut sql = bench.superuser().await;
    sqlx::query("update audit.registered set registered_at = registered_at + interval '10 seconds'")
        .execute(&mut sql)
        .await
        .unwrap();
    later(&bench);
    assert!(matches!(watched(&audit, &acme).await, Err(Broken::Untold(_))));
    sqlx::query("update audit.registered set registered_at = registered_at - interval '10 seconds'")
        .execute(&mut sql)
        .await
        .unwrap();
    assert_eq!(watched(&audit, &acme).await, Ok(()));
    forge(&audit, Leaf::of_tenant(&acme.id.as_uuid().into_bytes(), &[9; 32])).await;
    assert_eq!(watched(&audit, &acme).await, Err(Broken::Blind));
}

#[tokio::test]
async fn t31_many_workers_and_one_that_dies_register_each_log_once_in_a_slot() {
    let bench = held().await;
    let audit = audit(&bench);
    let mut tenants = Vec::new();
    for name in ["one", "two", "three"] {
        tenants.push(bench.tenant(name).await);
    }
    for turn in 0..4_u64 {
        for tenant in &tenants {
            write(&audit, tenant.id, 2).await;
        }
        settle(&audit).await;
        let dying = round(&audit);
        tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(Duration::from_millis(turn)) => {} }
        for done in futures::future::join_all((0..6).map(|_| round(&audit))).await {
            done.unwrap();
        }
        all(&audit).await;
        // What comes in the same slot waits for the next.
        write(&audit, tenants[0].id, 1).await;
        settle(&audit).await;
        all(&audit).await;
        later(&bench);
    }
    for tenant in &tenants {
        assert_eq!(watched(&audit, tenant).await, Ok(()));
        assert_eq!(told(&audit, tenant).await.1.len(), 4);
    }
    assert_eq!(leaves(&audit, &tenants[0]).await.len(), 3 + 3 * 4);
    all(&audit).await;
    assert_eq!(told(&audit, &tenants[0]).await.1.len(), 5, "the last of them, too");
    let before = signed(&audit, REGISTER).await.len();
    all(&audit).await;
    assert_eq!(signed(&audit, REGISTER).await.len(), before, "run twice is run once");
    assert!(said(&signed(&audit, REGISTER).await[0]).origin.ends_with("/register"));
}

#[tokio::test]
async fn t25_over_a_register_that_was_tampered_with_nothing_more_is_signed() {
    let bench = held().await;
    let audit = audit(&bench);
    let acme = bench.tenant("acme").await;
    write(&audit, acme.id, 2).await;
    settle(&audit).await;
    all(&audit).await;
    let mut sql = bench.superuser().await;
    let nobody: TenantId = REGISTER;
    sqlx::query("update audit.tiles set hashes = sha256('x') || substr(hashes, 33) where tenant_id = $1")
        .bind(nobody)
        .execute(&mut sql)
        .await
        .unwrap();
    later(&bench);
    write(&audit, acme.id, 1).await;
    settle(&audit).await;
    assert!(!round(&audit).await.unwrap());
    assert_eq!(signed(&audit, REGISTER).await.len(), 1);
    assert_eq!(signed(&audit, acme.id).await.len(), 2, "the log itself goes on");
}

#[tokio::test]
async fn the_registers_checkpoints_are_copied_out_of_the_database_like_all_others() {
    let bench = held().await;
    let audit = audit(&bench);
    let acme = bench.tenant("acme").await;
    let folder = tempfile::tempdir().unwrap();
    let mut copies = Copies::open(folder.path()).unwrap();
    for _ in 0..2 {
        write(&audit, acme.id, 1).await;
        settle(&audit).await;
        all(&audit).await;
        copy::round(&audit, &mut copies).await.unwrap();
        later(&bench);
    }
    let kept = std::fs::read_to_string(folder.path().join("register.checkpoints.ndjson")).unwrap();
    assert_eq!(kept.lines().count(), 2);
}
