//! A tenant takes its keys away, on either feed: others go on, and what is its own waits and comes in order.

use chrono::TimeDelta;
use crypto::{Destroyed, KekProvider, Keyring, Providers, Rules};
use db::Db;
use ids::TenantId;
use serde_json::json;
use testkit::{Mood, TestTenant, Vault, eventually};
use tokio_util::sync::CancellationToken;

use auth::Role;
use auth::action::vm;

use crate::sealed::Log;
use crate::world::World;

on_both_feeds! {
    t22_a_tenant_whose_key_server_answers_nothing_holds_up_nobody_and_loses_nothing,
    t35_what_cannot_be_applied_once_the_keys_are_back_is_a_letter_and_what_follows_is_not_held_up,
}

const TOKEN: &str = "hvs.of-acme";

/// Another process: keys of its own, none of them held.
fn process(world: &World) -> Db {
    let provider: std::sync::Arc<dyn KekProvider> = std::sync::Arc::new(world.bench.kek.clone());
    let providers = Providers::of(provider).with_external(testkit::external(&world.bench.kek));
    let rules = Rules {
        longest_pause: TimeDelta::seconds(1),
        ..Rules::default()
    };
    let (platform, clock) = (Some(world.bench.kek.clone()), world.bench.clock.clone());
    let ring = Keyring::with_rules(providers, platform, Destroyed::unlisted(), clock, rules);
    world.bench.db("audit").with_keys(ring)
}

fn run(world: &mut World) -> tokio::task::AbortHandle {
    let log = events::run(world.feed(), process(world), Log, CancellationToken::new());
    world.running.spawn(log)
}

async fn tells(world: &World, tenant: &TestTenant, name: &str) {
    let (caller, object) = (tenant.caller(Role::Owner), format!("{}:{name}", tenant.name));
    world.db.record::<vm::Read>(&caller, object, json!({})).await.unwrap();
}

/// What was applied of a tenant, in order.
async fn effects(world: &World, tenant: &TestTenant) -> Vec<String> {
    let mine = format!("{}:", tenant.name);
    let all = world.effects().await;
    all.iter()
        .filter_map(|name| name.strip_prefix(&mine))
        .map(str::to_owned)
        .collect()
}

async fn waiting(world: &World, tenant: TenantId) -> i64 {
    sqlx::query_scalar("select count(*) from bus.parked where tenant_id = $1")
        .bind(tenant)
        .fetch_one(&mut world.bench.superuser().await)
        .await
        .unwrap()
}

async fn eventually_effects(world: &World, tenant: &TestTenant, expected: &[&str]) {
    eventually("the tenant's effects", async || {
        (effects(world, tenant).await.len() >= expected.len()).then_some(())
    })
    .await;
    assert_eq!(effects(world, tenant).await, expected);
}

async fn t22_a_tenant_whose_key_server_answers_nothing_holds_up_nobody_and_loses_nothing(mut world: World) {
    let (acme, byte) = (world.tenant.clone(), world.bench.tenant("byte").await);
    let vault = Vault::start(TOKEN).await;
    world.bench.keeps_its_key(acme.id, &vault, TOKEN).await;
    for (tenant, name) in [(&acme, "1"), (&byte, "1"), (&acme, "2"), (&byte, "2")] {
        tells(&world, tenant, name).await;
    }
    vault.turn(Mood::Silent);
    let asked = vault.asked().len();
    let first = run(&mut world);
    eventually_effects(&world, &byte, &["1", "2"]).await;
    tells(&world, &acme, "3").await;
    tells(&world, &byte, "3").await;
    eventually_effects(&world, &byte, &["1", "2", "3"]).await;
    eventually("all that waits", async || {
        (waiting(&world, acme.id).await == 3).then_some(())
    })
    .await;
    assert!(vault.asked().len() > asked, "its server was asked");

    // Whoever dies now leaves it waiting for another, who refuses it as well.
    first.abort();
    vault.turn(Mood::Denied);
    run(&mut world);
    run(&mut world);
    tells(&world, &acme, "4").await;
    for name in ["4", "5", "6"] {
        tells(&world, &byte, name).await;
    }
    eventually_effects(&world, &byte, &["1", "2", "3", "4", "5", "6"]).await;
    eventually("what comes later", async || {
        (waiting(&world, acme.id).await == 4).then_some(())
    })
    .await;
    assert!(effects(&world, &acme).await.is_empty());
    // What waits is a copy, so the bus may forget.
    world
        .bench
        .alter("delete from bus.outbox where tenant_id = $1", acme.id)
        .await;

    vault.turn(Mood::Well);
    for number in 5..40 {
        tells(&world, &acme, &number.to_string()).await;
    }
    let all: Vec<String> = (1..40).map(|number: u32| number.to_string()).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    eventually_effects(&world, &acme, &all).await;
    assert_eq!(waiting(&world, acme.id).await, 0);
    assert!(world.dead_letters().await.is_empty());
}

async fn t35_what_cannot_be_applied_once_the_keys_are_back_is_a_letter_and_what_follows_is_not_held_up(
    mut world: World,
) {
    let acme = world.tenant.clone();
    let vault = Vault::start(TOKEN).await;
    world.bench.keeps_its_key(acme.id, &vault, TOKEN).await;
    for name in ["1", "poison", "3"] {
        tells(&world, &acme, name).await;
    }
    vault.turn(Mood::Keyless);
    run(&mut world);
    eventually("all that waits", async || {
        (waiting(&world, acme.id).await == 3).then_some(())
    })
    .await;
    vault.turn(Mood::Well);
    eventually_effects(&world, &acme, &["1", "3"]).await;
    let letters = world.eventually_dead().await;
    assert!(letters.len() == 1 && letters[0].1.contains("the cause"), "{letters:?}");
    assert_eq!(waiting(&world, acme.id).await, 0);
}
