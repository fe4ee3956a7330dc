use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;

use chrono::TimeDelta;
use db::{AuditEvent, AuditOutcome, Reason};
use ids::{EventId, RequestId, TenantId};
use serde_json::json;
use testkit::Bench;
use tlog::note::Limits;
use tlog::{Checkpoint, Frontier, Note};

use super::copy::{self, Copies};
use super::grow;
use crate::entry;
use crate::log::Log;
use crate::readings::Readings;
use crate::settings::Pace;
use crate::state::Audit;
use crate::store::{self, checkpoints::Signed};

/// The workers' state alone: each round is ours to begin.
pub(crate) fn audit(bench: &Bench) -> Arc<Audit> {
    Arc::new(Audit {
        db: bench.db("audit"),
        feed: events::Feed::postgres(),
        log: Log::new("test/audit", &[7; 32]).unwrap(),
        pace: Pace { entries: 1, seconds: 0 },
        tell: TimeDelta::hours(1),
        readings: Readings::default(),
    })
}

pub(crate) async fn write(audit: &Audit, tenant: TenantId, entries: usize) {
    append(audit, &vec![(tenant, None); entries]).await;
}

/// An entry from each of these addresses.
pub(crate) async fn write_from(audit: &Audit, tenant: TenantId, addresses: &[IpAddr]) {
    let lines: Vec<_> = addresses.iter().map(|ip| (tenant, Some(*ip))).collect();
    append(audit, &lines).await;
}

/// An entry for each of these, numbered as they stand, in one commit.
async fn append(audit: &Audit, lines: &[(TenantId, Option<IpAddr>)]) {
    for (tenant, _) in lines {
        audit.db.keys(*tenant).await.unwrap();
    }
    let mut tx = audit.db.system(Reason::Consume).await.unwrap();
    let mut sealed_lines = Vec::new();
    for (number, (tenant, ip)) in lines.iter().enumerate() {
        let told = AuditEvent {
            id: EventId::mint(),
            time: tx.now(),
            actor: "user:one".to_owned(),
            action: "vm.create".to_owned(),
            object: format!("vm:{number}"),
            outcome: AuditOutcome::Success,
            ip: *ip,
            request_id: RequestId::mint(),
            changes: json!({"n": number}),
            credential: None,
        };
        let sealed = entry::seal(tx.keys(*tenant), *tenant, &told).unwrap();
        sealed_lines.push((*tenant, told, sealed));
    }
    store::events::append(&mut tx, &sealed_lines).await.unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn signed(audit: &Audit, tenant: TenantId) -> Vec<Signed> {
    let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
    store::checkpoints::behind(&mut tx, tenant, 0, 1_000).await.unwrap()
}

pub(super) async fn settle(audit: &Audit) {
    while grow::round(audit).await.unwrap() {}
}

fn root_in(note: &str) -> (u64, tlog::Hash) {
    let note = Note::parse(note, Limits::default()).unwrap();
    let checkpoint: Checkpoint = note.text.parse().unwrap();
    (checkpoint.size, checkpoint.root)
}

#[tokio::test]
async fn t31_writers_at_once_of_entries_of_several_tenants_number_each_without_a_gap_in_its_order() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let [one, two] = [bench.tenant("one").await.id, bench.tenant("two").await.id];
    let batches = (0..12).map(|batch| {
        // Whoever took the heads as they come would wait for each other here.
        let order = if batch % 2 == 0 { [one, two] } else { [two, one] };
        let lines: Vec<_> = order
            .into_iter()
            .cycle()
            .take(15)
            .map(|tenant| (tenant, None))
            .collect();
        let audit = &audit;
        async move { append(audit, &lines).await }
    });
    futures::future::join_all(batches).await;
    let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
    for tenant in [one, two] {
        let tree = store::trees::Tree { tenant, size: 0 };
        let entries = store::events::behind(&mut tx, tree, 1_000).await.unwrap();
        let numbers: Vec<i64> = entries.iter().map(|entry| entry.seq).collect();
        assert_eq!(numbers, (1..=90).collect::<Vec<_>>());
        let of_one_batch = |entries: &[entry::Entry]| {
            let places: Vec<u32> = entries
                .iter()
                .map(|entry| entry.object.trim_start_matches("vm:").parse().unwrap())
                .collect();
            places.windows(2).all(|pair| pair[0] < pair[1] || pair[1] < 2)
        };
        assert!(of_one_batch(&entries), "each batch stands together, in its order");
    }
}

#[tokio::test]
async fn a_tree_grows_over_tiles_and_each_checkpoint_signs_for_all_before() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let tenant = bench.tenant("acme").await.id;
    for entries in [1, 2, 253, 1, 300] {
        write(&audit, tenant, entries).await;
        settle(&audit).await;
        settle(&audit).await;
    }
    let signed = signed(&audit, tenant).await;
    let sizes: Vec<i64> = signed.iter().map(|signed| signed.size).collect();
    assert_eq!(sizes, [1, 3, 256, 257, 557], "run twice is run once");

    // The roots, from the entries alone.
    let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
    let tree = store::trees::Tree { tenant, size: 0 };
    let entries = store::events::behind(&mut tx, tree, 1_000).await.unwrap();
    let mut frontier = Frontier::new();
    let mut at = signed.iter();
    for entry in &entries {
        frontier.push(entry.logged().leaf());
        if sizes.contains(&entry.seq) {
            let signed = at.next().unwrap();
            assert_eq!(signed.root, frontier.root(), "at {}", entry.seq);
            assert_eq!(root_in(&signed.note), (frontier.size(), frontier.root()));
            let note = Note::parse(&signed.note, Limits::default()).unwrap();
            note.verify(&audit.log.public()).unwrap();
        }
    }
}

#[tokio::test]
async fn t31_many_workers_and_one_that_dies_sign_one_history() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let tenants = [bench.tenant("one").await.id, bench.tenant("two").await.id];
    for round in 0..6 {
        for tenant in tenants {
            write(&audit, tenant, 40 + round).await;
        }
        // One that is dropped wherever it is.
        let dying = grow::round(&audit);
        tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(std::time::Duration::from_millis(round as u64)) => {} }
        let rounds = (0..8).map(|_| grow::round(&audit));
        for done in futures::future::join_all(rounds).await {
            done.unwrap();
        }
        settle(&audit).await;
    }
    for tenant in tenants {
        let signed = signed(&audit, tenant).await;
        assert_eq!(signed.last().unwrap().size, (0..6).map(|round| 40 + round).sum::<i64>());
        let mut tx = audit.db.system(Reason::Reconcile).await.unwrap();
        for pair in signed.windows(2) {
            let (old, new) = (&pair[0], &pair[1]);
            let (from, to) = (old.size.cast_unsigned(), new.size.cast_unsigned());
            let tree = store::trees::Tree { tenant, size: new.size };
            let needed = tlog::tiles::needed_for_consistency(from, to);
            let tiles = store::trees::tiles_of(&mut tx, tree, &needed).await.unwrap();
            let proof = tlog::tiles::consistency_proof(&tiles, from, to).unwrap();
            tlog::verify_consistency(from, to, &proof, old.root, new.root).unwrap();
        }
    }
}

#[tokio::test]
async fn t25_over_a_log_that_was_tampered_with_nothing_more_is_signed() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let mut sql = bench.superuser().await;
    for (name, tamper) in [
        ("gap", "delete from audit.events where tenant_id = $1 and seq = 6"),
        (
            "tile",
            "update audit.tiles set hashes = sha256('x') || substr(hashes, 33) where tenant_id = $1 and level = 0",
        ),
        ("gone", "delete from audit.tiles where tenant_id = $1"),
        (
            "root",
            "update audit.checkpoints set root = sha256('x') where tenant_id = $1",
        ),
    ] {
        let tenant = bench.tenant(name).await.id;
        write(&audit, tenant, 5).await;
        settle(&audit).await;
        write(&audit, tenant, 2).await;
        let before = signed(&audit, tenant).await.len();
        sqlx::query(tamper).bind(tenant).execute(&mut sql).await.unwrap();
        for _ in 0..3 {
            assert!(!grow::round(&audit).await.unwrap(), "{name}");
        }
        assert_eq!(
            signed(&audit, tenant).await.len(),
            before,
            "{name}: nothing more is signed"
        );
        sqlx::query("delete from audit.heads where tenant_id = $1")
            .bind(tenant)
            .execute(&mut sql)
            .await
            .unwrap();
    }
}

fn lines(folder: &Path, tenant: TenantId) -> String {
    std::fs::read_to_string(folder.join(format!("{tenant}.checkpoints.ndjson"))).unwrap()
}

#[tokio::test]
async fn copies_hold_each_checkpoint_once_whoever_dies_between() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let folder = tempfile::tempdir().unwrap();
    let tenant = bench.tenant("acme").await.id;
    let mut copies = Copies::open(folder.path()).unwrap();
    for _ in 0..3 {
        write(&audit, tenant, 2).await;
        settle(&audit).await;
        copy::round(&audit, &mut copies).await.unwrap();
        copy::round(&audit, &mut copies).await.unwrap();
    }
    let whole = lines(folder.path(), tenant);
    let expected: Vec<String> = signed(&audit, tenant)
        .await
        .into_iter()
        .map(|signed| signed.note)
        .collect();
    let kept: Vec<String> = whole
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|line| line["note"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(kept, expected);

    // A crash in the middle of each line, and a new process.
    let file = folder.path().join(format!("{tenant}.checkpoints.ndjson"));
    for cut in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&file, &whole[..cut]).unwrap();
        let mut copies = Copies::open(folder.path()).unwrap();
        copy::round(&audit, &mut copies).await.unwrap();
        assert_eq!(lines(folder.path(), tenant), whole, "cut at {cut}");
    }
}

#[tokio::test]
async fn t26_of_a_page_of_checkpoints_each_must_continue_the_one_before() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let mut sql = bench.superuser().await;
    for (name, tamper) in [
        (
            "root",
            "update audit.checkpoints set root = sha256('x') where tenant_id = $1 and size = 4",
        ),
        (
            "note",
            "update audit.checkpoints c set note = o.note from audit.checkpoints o
             where c.tenant_id = $1 and o.tenant_id = $1 and c.size = 4 and o.size = 2",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let tenant = bench.tenant(name).await.id;
        for _ in 0..4 {
            write(&audit, tenant, 2).await;
            settle(&audit).await;
        }
        sqlx::query(tamper).bind(tenant).execute(&mut sql).await.unwrap();
        let mut copies = Copies::open(folder.path()).unwrap();
        for _ in 0..2 {
            copy::round(&audit, &mut copies).await.unwrap();
            let kept = lines(folder.path(), tenant);
            assert_eq!(kept.lines().count(), 1, "{name}: {kept}");
        }
    }
}

#[tokio::test]
async fn t26_what_was_rolled_back_and_grown_anew_does_not_reach_the_copies() {
    let bench = Bench::new().await;
    let audit = audit(&bench);
    let folder = tempfile::tempdir().unwrap();
    let tenant = bench.tenant("acme").await.id;
    write(&audit, tenant, 5).await;
    settle(&audit).await;
    let mut copies = Copies::open(folder.path()).unwrap();
    copy::round(&audit, &mut copies).await.unwrap();
    let kept = lines(folder.path(), tenant);

    // Whoever holds the database and the key writes another history.
    let mut sql = bench.superuser().await;
    for forget in [
        "delete from audit.events where tenant_id = $1",
        "delete from audit.heads where tenant_id = $1",
        "delete from audit.trees where tenant_id = $1",
        "delete from audit.tiles where tenant_id = $1",
        "delete from audit.checkpoints where tenant_id = $1",
    ] {
        sqlx::query(forget).bind(tenant).execute(&mut sql).await.unwrap();
    }
    for entries in [3, 4] {
        write(&audit, tenant, entries).await;
        settle(&audit).await;
        copy::round(&audit, &mut copies).await.unwrap();
        let mut fresh = Copies::open(folder.path()).unwrap();
        copy::round(&audit, &mut fresh).await.unwrap();
        assert_eq!(lines(folder.path(), tenant), kept);
    }
}
