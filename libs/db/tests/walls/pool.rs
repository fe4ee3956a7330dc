//! A connection changes hands between tenants all day; what was set for one must not be there for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use auth::Role;
use auth::action::project;
use db::{Ask, Db};
use ids::TenantId;
use sqlx::PgConnection;
use testkit::{Bench, TestTenant};
use tokio::task::JoinSet;

const TASKS: usize = 32;
const ROUNDS: u64 = 40;

#[derive(Default)]
struct Counts {
    finished: AtomicU32,
    dropped: AtomicU32,
}

/// Whose rows are seen. The tenant is left out of the statement on purpose: row security alone must hold.
async fn seen(sql: &mut PgConnection) -> Result<Vec<TenantId>, sqlx::Error> {
    sqlx::query_scalar("select tenant_id from identity.projects")
        .fetch_all(sql)
        .await
}

async fn look(db: &Db, tenant: &TestTenant, round: u64) {
    let caller = tenant.caller(Role::Owner);
    let rows = if round.is_multiple_of(3) {
        let mut tx = db.change::<project::Create>(Ask::plain(caller)).await.unwrap();
        seen(tx.sql()).await
    } else {
        let mut tx = db.read::<project::List>(&caller).await.unwrap();
        if round.is_multiple_of(5) {
            // An error in the middle: the transaction is broken when it is given back.
            assert!(sqlx::query("select 1 / 0").execute(tx.sql()).await.is_err());
            return;
        }
        seen(tx.sql()).await
    };
    assert_eq!(
        rows.unwrap(),
        [tenant.id],
        "t04: a row of another tenant, or none of one's own"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t04_no_connection_takes_a_tenant_along() {
    let bench = Bench::new().await;
    let mut connect = bench.connect();
    connect.connections = 2;
    let db = Db::connect(&connect, "identity", bench.clock.clone(), bench.wake.clone()).unwrap();
    let counts = Arc::new(Counts::default());
    let mut tasks = JoinSet::new();
    for number in 0..TASKS {
        let (db, counts, tenant) = (db.clone(), counts.clone(), bench.tenant(&format!("t{number}")).await);
        tasks.spawn(async move {
            let mut random = number as u64 + 1;
            for round in 0..ROUNDS {
                // A small generator (Knuth's MMIX constants): the same moments in every run.
                random = random
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                // From a microsecond to a tenth of a second: some end in every step, on any machine.
                let limit = Duration::from_micros(1 << ((random >> 33) % 17));
                let ended = tokio::time::timeout(limit, look(&db, &tenant, round)).await;
                let count = if ended.is_ok() {
                    &counts.finished
                } else {
                    &counts.dropped
                };
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    let (finished, dropped) = (
        counts.finished.load(Ordering::Relaxed),
        counts.dropped.load(Ordering::Relaxed),
    );
    assert!(
        finished > 100 && dropped > 100,
        "both ways must be taken: {finished} finished, {dropped} dropped"
    );
    // After all that the pool still serves everybody.
    let last = bench.tenant("last").await;
    look(&db, &last, 1).await;
}
