use std::net::IpAddr;

use auth::Role;
use testkit::Bench;

use super::*;
use crate::testing::{column, start_with};
use crate::work::tests::{audit, write_from};

/// As a release before this one left them: an address in the clear, and no mark.
async fn as_before(bench: &Bench, tenant: TenantId) {
    sqlx::query("update audit.events set ip = '192.0.2.99', ip_index = null where tenant_id = $1")
        .bind(tenant)
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
}

async fn count(bench: &Bench, tenant: TenantId, condition: &'static str) -> i64 {
    let count = match condition {
        "open" => "select count(*) from audit.events where tenant_id = $1 and ip is not null",
        _ => "select count(*) from audit.events where tenant_id = $1 and ip_index is not null",
    };
    sqlx::query_scalar(count)
        .bind(tenant)
        .fetch_one(&mut bench.superuser().await)
        .await
        .unwrap()
}

#[tokio::test]
async fn t31_many_workers_and_some_that_die_close_every_address_and_a_search_finds_all_all_the_while() {
    let bench = Bench::new().await;
    let worker = audit(&bench);
    let acme = bench.tenant("acme").await;
    let other = bench.tenant("other").await;
    let addresses: Vec<IpAddr> = (0..30_u8).map(|number| [192, 0, 2, number % 3].into()).collect();
    for tenant in [acme.id, other.id] {
        write_from(&worker, tenant, &addresses).await;
        as_before(&bench, tenant).await;
    }
    // Without workers of its own that would be quicker.
    let test = start_with(bench, &crate::Settings::default()).await;
    let owner = test.owner(&acme);
    let found = async || {
        let path = "/api/v1/audit/events?ip=192.0.2.1&action=vm.create&sort=created_at";
        column(&owner.get(path).await.expect(200), "seq").len()
    };
    as_before(&test.bench, acme.id).await;
    assert_eq!(found().await, 10, "what is sealed counts, whatever stands beside it");
    for round in 0..6 {
        let dying = step(&worker, acme.id, 2);
        tokio::select! { biased; _ = dying => {}, () = tokio::time::sleep(Duration::from_millis(round)) => {} }
        let steps = (0..3).map(|_| step(&worker, acme.id, 1));
        for done in futures::future::join_all(steps).await {
            done.unwrap();
        }
        assert_eq!(found().await, 10, "round {round}");
    }
    for _ in 0..2 {
        round(&worker).await.unwrap();
    }
    for tenant in [acme.id, other.id] {
        assert_eq!(
            (
                count(&test.bench, tenant, "open").await,
                count(&test.bench, tenant, "marked").await
            ),
            (0, 30)
        );
    }
    assert_eq!(found().await, 10);
    let viewer = test.client.caller(&acme.caller(Role::Viewer));
    viewer.get("/api/v1/audit/events?ip=192.0.2.1").await.expect(403);
}

#[tokio::test]
async fn what_opens_no_more_loses_its_address_and_gets_no_mark() {
    let bench = Bench::new().await;
    let worker = audit(&bench);
    let [torn, gone, old] = [
        bench.tenant("torn").await.id,
        bench.tenant("gone").await.id,
        bench.tenant("old").await.id,
    ];
    for tenant in [torn, gone, old] {
        write_from(&worker, tenant, &[[192, 0, 2, 1].into(), [192, 0, 2, 2].into()]).await;
        as_before(&bench, tenant).await;
    }
    bench
        .alter("update audit.events set changes = set_byte(changes, 100, get_byte(changes, 100) # 1) where tenant_id = $1 and seq = 1", torn)
        .await;
    bench
        .alter(
            "update keys.tenant_keys set wrapped = null, destroyed_at = now() where tenant_id = $1",
            gone,
        )
        .await;
    bench.keyring.forget(gone);
    bench
        .alter("update audit.events set salted = false where tenant_id = $1", old)
        .await;
    round(&worker).await.unwrap();
    for (tenant, marked) in [(torn, 1), (gone, 0), (old, 0)] {
        assert_eq!(
            (
                count(&bench, tenant, "open").await,
                count(&bench, tenant, "marked").await
            ),
            (0, marked)
        );
    }
}
