use std::time::Instant;

use clock::Clock;
use testkit::{Bench, Mood, Vault};

use super::*;

const TOKEN: &str = "hvs.of-acme";

#[tokio::test]
async fn t22_each_is_asked_by_itself_and_a_silent_one_keeps_nobody_waiting() {
    let clock = Clock::held_at(Clock::system().now());
    let bench = Bench::at(clock.clone()).await;
    let mut vaults = Vec::new();
    for number in 0..4 {
        let tenant = bench.tenant(&format!("t{number}")).await;
        let vault = Vault::start(TOKEN).await;
        bench.keeps_its_key(tenant.id, &vault, TOKEN).await;
        if number % 2 == 0 {
            vault.turn(Mood::Silent);
        }
        vaults.push((tenant.id, vault));
    }
    clock.advance(Duration::from_mins(2));
    let db = bench.db("identity");
    let begun = Instant::now();
    check(&db).await.unwrap();
    assert!(begun.elapsed() < PATIENCE, "one after another");
    let states: Vec<(String, bool)> =
        sqlx::query_as("select state, cause is null from keys.external_keys e join identity.tenants t using (tenant_id) order by t.name")
            .fetch_all(&mut bench.superuser().await)
            .await
            .unwrap();
    let states: Vec<_> = states.iter().map(|(state, well)| (state.as_str(), *well)).collect();
    assert_eq!(states, [("away", false), ("ok", true), ("away", false), ("ok", true)]);
    let asked: Vec<usize> = vaults.iter().map(|(_, vault)| vault.asked().len()).collect();
    check(&db).await.unwrap();
    let again: Vec<usize> = vaults.iter().map(|(_, vault)| vault.asked().len()).collect();
    assert_eq!(asked, again, "run twice is run once");
}

#[tokio::test]
async fn what_was_learned_by_an_address_before_is_not_written_down_for_the_present_one() {
    let bench = Bench::new().await;
    let tenant = bench.tenant("acme").await;
    let vault = Vault::start(TOKEN).await;
    bench.keeps_its_key(tenant.id, &vault, TOKEN).await;
    let db = bench.db("identity");
    let mut tx = db.system(Reason::Reconcile).await.unwrap();
    let before = tx.now() + TimeDelta::days(1);
    let due = store::external_keys::claim(&mut tx, before, 9).await.unwrap();
    tx.commit().await.unwrap();
    bench
        .alter(
            "update keys.external_keys set generation = generation + 1 where tenant_id = $1",
            tenant.id,
        )
        .await;
    let mut tx = db.system(Reason::Reconcile).await.unwrap();
    assert!(
        !store::external_keys::note(&mut tx, &due[0], Some("away"), false)
            .await
            .unwrap()
    );
}
