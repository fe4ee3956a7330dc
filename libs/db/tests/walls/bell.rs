//! Commits of other processes are heard of.

use std::time::{Duration, Instant};

use clock::Clock;
use db::{Db, Event, Reason, Wake};
use ids::ProjectId;
use testkit::Bench;
use tokio::task::JoinSet;

#[derive(serde::Serialize)]
struct Happened {}

impl Event for Happened {
    const KIND: &'static str = "thing.happened";

    fn subject(&self) -> String {
        "thing:1".to_owned()
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_commit_of_one_process_rings_in_another_and_its_own_ring_does_not_come_back() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let process = || Db::connect(&bench.connect(), "compute", Clock::system(), Wake::default()).unwrap();
    let (here, there) = (process(), process());
    let (mut home, mut away) = (here.wake().listen(), there.wake().listen());
    let mut running = JoinSet::new();
    for db in [here.clone(), there.clone()] {
        running.spawn(async move { db.ring_across().await });
    }
    // Each rings once when it begins to listen.
    home.wait(LONG).await;
    away.wait(LONG).await;

    for _ in 0..5 {
        let mut tx = here.system(Reason::Reconcile).await.unwrap();
        tx.emit(tenant.id, &Happened {}).unwrap();
        tx.commit().await.unwrap();
        let committed = Instant::now();
        away.wait(LONG).await;
        home.wait(LONG).await;
        assert!(committed.elapsed() < LONG / 2, "{:?}", committed.elapsed());
    }
    // What it told the others it does not hear itself; the last of them has passed by when another process hears this.
    let mut tx = there.system(Reason::Reconcile).await.unwrap();
    tx.emit(tenant.id, &Happened {}).unwrap();
    tx.commit().await.unwrap();
    home.wait(LONG).await;
    let quiet = Instant::now();
    home.wait(Duration::from_millis(100)).await;
    assert!(quiet.elapsed() >= Duration::from_millis(100), "one ring for one commit");
}

#[tokio::test]
async fn a_connection_that_is_cut_is_made_again() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let process = || Db::connect(&bench.connect(), "compute", Clock::system(), Wake::default()).unwrap();
    let (here, there) = (process(), process());
    let (mut home, mut away) = (here.wake().listen(), there.wake().listen());
    let mut running = JoinSet::new();
    for db in [here.clone(), there.clone()] {
        running.spawn(async move { db.ring_across().await });
    }
    home.wait(LONG).await;
    away.wait(LONG).await;
    let cut: i64 = sqlx::query_scalar(
        "select count(pg_terminate_backend(pid, 10000)) from pg_stat_activity
         where datname = current_database() and query like 'LISTEN%'",
    )
    .fetch_one(&mut bench.superuser().await)
    .await
    .unwrap();
    assert_eq!(cut, 2, "the fault was reached");
    // It rings when it listens again.
    let begun = Instant::now();
    away.wait(LONG).await;
    let mut tx = here.system(Reason::Reconcile).await.unwrap();
    tx.emit(tenant.id, &Happened {}).unwrap();
    tx.commit().await.unwrap();
    away.wait(LONG).await;
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
}
