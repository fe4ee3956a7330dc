use std::time::Duration;

use clock::Clock;
use serde_json::Value;
use testkit::Bench;

use super::*;
use crate::work::tests::{audit, settle, write};

async fn all(audit: &Audit) {
    while round(audit).await.unwrap() {}
}

/// The sizes that were told, and the notes.
async fn told(bench: &Bench) -> Vec<(i64, String)> {
    let rows: Vec<Value> =
        sqlx::query_scalar("select data from bus.outbox where kind = 'audit.checkpoint_signed' order by seq")
            .fetch_all(&mut bench.superuser().await)
            .await
            .unwrap();
    let read = |row: Value| (row["size"].as_i64().unwrap(), row["note"].as_str().unwrap().to_owned());
    rows.into_iter().map(read).collect()
}

#[tokio::test]
async fn a_tenant_is_told_of_the_newest_checkpoint_now_and_then_and_of_the_last_in_the_end() {
    let bench = Bench::at(Clock::held_at(
        chrono::DateTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000),
    ))
    .await;
    let audit = audit(&bench);
    let acme = bench.tenant("acme").await.id;
    let entries = bench.audit(acme).await.len();
    for _ in 0..5 {
        write(&audit, acme, 2).await;
        settle(&audit).await;
        all(&audit).await;
        bench.clock.advance(Duration::from_mins(1));
    }
    let sizes = async || told(&bench).await.into_iter().map(|(size, _)| size).collect::<Vec<_>>();
    assert_eq!(sizes().await, [2], "once an hour");
    bench.clock.advance(Duration::from_hours(1));
    for done in futures::future::join_all((0..4).map(|_| round(&audit))).await {
        done.unwrap();
    }
    assert_eq!(
        sizes().await,
        [2, 10],
        "of what was overtaken nobody hears, and of the last once"
    );
    bench.clock.advance(Duration::from_hours(2));
    all(&audit).await;
    assert_eq!(sizes().await, [2, 10], "there is nothing new");
    assert_eq!(
        bench.audit(acme).await.len(),
        entries,
        "to tell of the log does not make it grow"
    );

    // What was told is the note that verifiers take.
    let (_, note) = told(&bench).await.remove(1);
    let note = tlog::Note::parse(&note, tlog::note::Limits::default()).unwrap();
    note.verify(&audit.log.public()).unwrap();
    let checkpoint: tlog::Checkpoint = note.text.parse().unwrap();
    assert_eq!((checkpoint.size, checkpoint.origin), (10, audit.log.origin(acme)));
}
