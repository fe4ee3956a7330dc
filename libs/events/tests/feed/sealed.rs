//! Audit entries on either feed: sealed on every way, and none lost on it.

use std::collections::BTreeSet;
use std::time::Duration;

use auth::action::vm;
use auth::{Caller, Role};
use crypto::{Destroyed, KekProvider, Keyring, Providers};
use db::{Db, SystemTx};
use events::{Consumer, Envelope};
use ids::{RequestId, UserId};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::broker::spelled;
use crate::world::{Shape, World};

on_both_feeds! {
    t24_nothing_an_entry_tells_is_on_the_bus_in_records_or_among_the_dead_letters,
    t24_a_crash_between_commit_and_recording_loses_no_entry,
}

const CANARY: &str = "canary-77e0";

/// A log that keeps what entries are about.
pub struct Log;

impl Consumer for Log {
    const NAME: &'static str = "test";
    const SEALS: bool = true;

    fn wants(&self, kind: &str) -> bool {
        kind == db::AUDIT
    }

    fn knows(&self, _: &str) -> u32 {
        3
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        for told in tx.told((event.tenant, event.id), event.version, &event.data)? {
            if told.object.ends_with("poison") {
                return Err(fault::Error::internal("the cause"));
            }
            sqlx::query("insert into public.effects (event_id, name) values ($1, $2)")
                .bind(told.id)
                .bind(&told.object)
                .execute(tx.sql())
                .await
                .map_err(db::Error::from)?;
        }
        Ok(())
    }
}

/// Another process: keys of its own, none of them held.
fn process(world: &World) -> Db {
    let provider: std::sync::Arc<dyn KekProvider> = std::sync::Arc::new(world.bench.kek.clone());
    let (providers, platform) = (Providers::of(provider), Some(world.bench.kek.clone()));
    let ring = Keyring::new(providers, platform, Destroyed::unlisted(), world.bench.clock.clone());
    world.bench.db("audit").with_keys(ring)
}

fn run(world: &mut World) -> tokio::task::AbortHandle {
    let log = events::run(world.feed(), process(world), Log, CancellationToken::new());
    world.running.spawn(log)
}

async fn t24_nothing_an_entry_tells_is_on_the_bus_in_records_or_among_the_dead_letters(mut world: World) {
    let user = UserId::mint();
    let bindings = world.tenant.caller(Role::Owner).bindings().to_vec();
    let address = Some([198, 51, 100, 77].into());
    let caller = Caller::newcomer(world.tenant.id, user, bindings, address, RequestId::mint());
    for object in [
        format!("vm:{CANARY}"),
        format!("vm:{CANARY}:poison"),
        "vm:last".to_owned(),
    ] {
        let told = json!({"name": CANARY});
        world.db.record::<vm::Read>(&caller, object, told).await.unwrap();
    }
    run(&mut world);
    world.eventually_effects(&[&format!("vm:{CANARY}"), "vm:last"]).await;
    world.eventually_dead().await;

    let mut lying = world.bench.rows("bus.outbox").await;
    lying.extend(world.bench.rows("bus.dead_letters").await);
    if world.shape == Shape::Kafka {
        let records = spelled(&world.kafka).await;
        assert!(records.len() >= 3, "{records:?}");
        lying.extend(records);
    }
    assert!(lying.len() >= 4);
    for row in lying {
        for told in [CANARY, &user.to_string(), "198.51.100.77", "poison", "vm.read"] {
            assert!(!row.contains(told), "{told}: {row}");
        }
    }
}

async fn t24_a_crash_between_commit_and_recording_loses_no_entry(mut world: World) {
    let caller = world.tenant.caller(Role::Owner);
    let mut written = BTreeSet::new();
    for round in 0..world.rounds() {
        for number in 0..4 {
            let object = format!("vm:{round}.{number}");
            world
                .db
                .record::<vm::Read>(&caller, object.clone(), json!({}))
                .await
                .unwrap();
            written.insert(object);
        }
        let dying = run(&mut world);
        tokio::time::sleep(Duration::from_millis(round * 3)).await;
        dying.abort();
    }
    run(&mut world);
    testkit::eventually("every entry", async || {
        (world.effects().await.len() >= written.len()).then_some(())
    })
    .await;
    let kept = world.effects().await;
    assert_eq!(kept.len(), written.len(), "each once");
    assert_eq!(kept.into_iter().collect::<BTreeSet<_>>(), written);
    assert!(world.dead_letters().await.is_empty());
}
