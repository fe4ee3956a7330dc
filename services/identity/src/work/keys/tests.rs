use std::sync::Arc;

use crypto::{Destroyed, Kek, KekProvider, Keyring, Place, Providers, Purpose};
use ids::TenantId;
use testkit::Bench;

use super::*;

fn place(tenant: TenantId) -> Place<'static> {
    Place {
        tenant,
        table: "t",
        column: "c",
        row: "r",
    }
}

/// The next provider, and the bench's own before it.
fn changed(bench: &Bench, next: &Kek) -> Keyring {
    let next: Arc<dyn KekProvider> = Arc::new(next.clone());
    let old: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
    let providers = Providers::of(next).with_previous(old);
    Keyring::new(providers, None, Destroyed::unlisted(), bench.clock.clone())
}

async fn left(bench: &Bench, provider: &str) -> i64 {
    sqlx::query_scalar("select count(*) from keys.tenant_keys where provider <> $1")
        .bind(provider)
        .fetch_one(&mut bench.superuser().await)
        .await
        .unwrap()
}

struct Sealed(Vec<(TenantId, Vec<u8>)>);

impl Sealed {
    async fn of(bench: &Bench, db: &Db, tenants: usize) -> Self {
        let mut sealed = Vec::new();
        for number in 0..tenants {
            let tenant = bench.tenant(&format!("t{number}")).await.id;
            let keys = db.keys(tenant).await.unwrap();
            sealed.push((tenant, keys.seal(Purpose::Console, &place(tenant), b"x").unwrap()));
        }
        Self(sealed)
    }

    /// As a process sees them that has just started.
    async fn all_open(&self, bench: &Bench, ring: &Keyring) {
        let db = bench.db("compute").with_keys(ring.clone());
        for (tenant, sealed) in &self.0 {
            ring.forget(*tenant);
            let keys = db.keys(*tenant).await.unwrap();
            assert_eq!(keys.open(&place(*tenant), sealed).unwrap().as_slice(), b"x");
        }
    }
}

#[tokio::test]
async fn t22_whoever_dies_while_keys_are_wrapped_anew_leaves_each_readable() {
    let bench = Bench::new().await;
    let db = bench.db("identity");
    let sealed = Sealed::of(&bench, &db, 12).await;
    let next = Kek::new(crypto::random());
    let ring = changed(&bench, &next);
    let (mut died, mut limit) = (0, Duration::from_micros(500));
    loop {
        let worked = tokio::time::timeout(limit, rewrap(&db, &ring)).await;
        sealed.all_open(&bench, &ring).await;
        match worked {
            Err(_) => died += 1,
            Ok(done) => {
                done.unwrap();
                break;
            }
        }
        limit = limit.mul_f64(1.3);
    }
    assert!(died > 0, "nobody died on the way");
    assert_eq!(left(&bench, next.name()).await, 0);
    assert_eq!(rewrap(&db, &ring).await.unwrap(), 0, "run twice is run once");
    // The old provider is needed no more.
    let alone: Arc<dyn KekProvider> = Arc::new(next);
    let alone = Keyring::new(Providers::of(alone), None, Destroyed::unlisted(), bench.clock.clone());
    sealed.all_open(&bench, &alone).await;
}

#[tokio::test]
async fn t22_many_workers_and_a_key_that_no_provider_knows() {
    let bench = Bench::new().await;
    let db = bench.db("identity");
    let sealed = Sealed::of(&bench, &db, 8).await;
    let lost = bench.tenant("lost").await.id;
    db.keys(lost).await.unwrap();
    bench
        .alter(
            "update keys.tenant_keys set provider = 'gone' where tenant_id = $1",
            lost,
        )
        .await;
    let next = Kek::new(crypto::random());
    let ring = changed(&bench, &next);
    let done = futures::future::join_all((0..4).map(|_| rewrap(&db, &ring))).await;
    let done: u64 = done.into_iter().map(Result::unwrap).sum();
    // A worker passes over what another holds; the next round has it.
    let rest = rewrap(&db, &ring).await.unwrap();
    assert_eq!(done + rest, 8, "each once");
    assert_eq!(left(&bench, next.name()).await, 1, "what cannot be unwrapped waits");
    sealed.all_open(&bench, &ring).await;
}

#[tokio::test]
async fn t23_what_was_destroyed_before_the_list_was_written_is_put_on_it() {
    let bench = Bench::new().await;
    let db = bench.db("identity");
    let [gone, here] = [bench.tenant("gone").await.id, bench.tenant("here").await.id];
    for tenant in [gone, here] {
        db.keys(tenant).await.unwrap();
    }
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            gone,
        )
        .await;
    let files = tempfile::tempdir().unwrap();
    let file = files.path().join("destroyed");
    let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
    let list = Destroyed::open(&file).unwrap();
    let ring = Keyring::new(Providers::of(provider), None, list.clone(), bench.clock.clone());
    for _ in 0..2 {
        note_destroyed(&db, &ring).await.unwrap();
        assert_eq!((list.holds(gone), list.holds(here)), (Ok(true), Ok(false)));
    }
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches(&gone.to_string()).count(), 1, "run twice is run once");
}
