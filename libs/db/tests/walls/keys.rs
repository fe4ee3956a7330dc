//! Tenants' keys in the real store.

use crypto::{Destroyed, KekProvider, KeyError, Keyring, Place, Providers, Purpose, Rules};
use db::{Db, Reason};
use ids::TenantId;
use testkit::{Bench, race};

/// Another process: a ring of its own on the same provider.
pub fn process(bench: &Bench, service: &str) -> Db {
    process_by(bench, service, Rules::default())
}

fn process_by(bench: &Bench, service: &str, rules: Rules) -> Db {
    let provider: std::sync::Arc<dyn KekProvider> = std::sync::Arc::new(bench.kek.clone());
    let (providers, platform) = (Providers::of(provider), Some(bench.kek.clone()));
    let ring = Keyring::with_rules(providers, platform, Destroyed::unlisted(), bench.clock.clone(), rules);
    bench.crowd(service).with_keys(ring)
}

fn place(tenant: TenantId) -> Place<'static> {
    Place {
        tenant,
        table: "t",
        column: "c",
        row: "r",
    }
}

#[tokio::test]
async fn fifty_processes_that_come_first_make_one_key() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await.id;
    let services = ["identity", "compute", "audit", "notify"];
    let processes: Vec<_> = services.iter().map(|service| process(&bench, service)).collect();
    let at = std::sync::atomic::AtomicUsize::new(0);
    let keys = race(
        async || at.fetch_add(1, std::sync::atomic::Ordering::SeqCst) % services.len(),
        async |turn| {
            // Each asks the store: a ring alone would let one ask for all.
            let ring = processes[turn].keyring().unwrap();
            ring.forget(tenant);
            processes[turn].keys(tenant).await.unwrap()
        },
    )
    .await;
    for pair in keys.windows(2) {
        let sealed = pair[0].seal(Purpose::Console, &place(tenant), b"x").unwrap();
        assert_eq!(pair[1].open(&place(tenant), &sealed).unwrap().as_slice(), b"x");
    }
    let mut sql = bench.superuser().await;
    let rows: (i64, i64) = sqlx::query_as(
        "select (select count(*) from keys.tenant_keys where tenant_id = $1),
                (select count(*) from keys.data_keys where tenant_id = $1)",
    )
    .bind(tenant)
    .fetch_one(&mut sql)
    .await
    .unwrap();
    assert_eq!(rows, (1, 6));
}

#[tokio::test]
async fn t21_messages_are_counted_once_for_all_processes() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await.id;
    let rules = Rules {
        messages: 1_000,
        ..Rules::default()
    };
    let processes = [
        process_by(&bench, "audit", rules),
        process_by(&bench, "identity", rules),
    ];
    let mut epochs = std::collections::BTreeMap::<u8, u32>::new();
    let mut sealed = Vec::new();
    for turn in 0..30 {
        let keys = processes[turn % 2].keys(tenant).await.unwrap();
        for _ in 0..100 {
            let one = keys.seal(Purpose::Audit, &place(tenant), b"x").unwrap();
            *epochs.entry(one[6]).or_default() += 1;
            sealed.push(one);
        }
    }
    assert!(
        epochs.len() >= 3 && epochs.values().all(|messages| *messages <= 1_000),
        "{epochs:?}"
    );
    let keys = process(&bench, "audit").keys(tenant).await.unwrap();
    assert!(sealed.iter().all(|one| keys.open(&place(tenant), one).is_ok()));
}

#[tokio::test]
async fn t22_a_key_wrapped_by_a_version_that_is_no_more_is_refused() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await.id;
    process(&bench, "identity").keys(tenant).await.unwrap();
    bench
        .alter("update keys.tenant_keys set version = 2 where tenant_id = $1", tenant)
        .await;
    let late = sqlx::query(
        "insert into keys.data_keys (tenant_id, purpose, epoch, wrapped, tenant_key_version, created_at)
         values ($1, 1, 2, '', 1, now())",
    )
    .bind(tenant)
    .execute(&mut bench.superuser().await)
    .await;
    assert!(late.unwrap_err().to_string().contains("data_keys_tenant_key"));
}

#[tokio::test]
async fn a_transaction_has_its_tenants_keys_and_works_without_them() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let caller = tenant.caller(auth::Role::Owner);
    let db = bench.db("identity");
    let tx = db.read::<auth::action::project::List>(&caller).await.unwrap();
    let sealed = tx
        .keys()
        .unwrap()
        .seal(Purpose::PersonalData, &place(tenant.id), b"x")
        .unwrap();
    drop(tx);
    let tx = db.system(Reason::Reconcile).await.unwrap();
    assert_eq!(
        tx.keys(tenant.id)
            .unwrap()
            .open(&place(tenant.id), &sealed)
            .unwrap()
            .as_slice(),
        b"x"
    );
    let stranger = TenantId::mint();
    assert!(
        matches!(tx.keys(stranger), Err(KeyError::Unavailable(_))),
        "asks nobody in a transaction"
    );
    drop(tx);

    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            tenant.id,
        )
        .await;
    let after = process(&bench, "identity");
    let tx = after.read::<auth::action::project::List>(&caller).await.unwrap();
    assert_eq!(tx.keys().err(), Some(KeyError::Destroyed));
    assert!(tx.tenant().is_ok(), "t23: what is not sealed can still be looked at");
}
