//! Dead letters that are applied again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use db::{Db, Reason, SystemTx};
use events::{Consumer, Envelope, replay_once};
use testkit::{eventually, race};

use crate::world::{Faulty, NewThing, Thing, World, Writer, effect};

on_both_feeds! {
    what_needs_something_that_is_away_stays_asked_for,
    t35_what_fails_again_is_the_same_letter_with_an_attempt_more,
    t33_of_many_that_replay_at_once_one_has_the_effect,
    t35_a_schema_from_the_future_waits_for_a_release_that_knows_it,
}

/// Knows the later release's things too.
struct Upgraded;

impl Consumer for Upgraded {
    const NAME: &'static str = Writer::NAME;

    fn wants(&self, kind: &str) -> bool {
        kind == <Thing as db::Event>::KIND
    }

    fn knows(&self, _: &str) -> u32 {
        2
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        effect(tx, event).await
    }
}

/// A world with one letter, `poison`, whose consumer has ended, and nothing applied.
async fn with_a_letter(mut world: World) -> World {
    world.happens("poison").await;
    let running = world.run(Faulty {
        tried: Arc::default(),
        on: "poison",
        then: |_| async { Err(fault::Error::internal("the cause")) },
    });
    world.eventually_dead().await;
    running.abort();
    world
}

async fn t35_a_schema_from_the_future_waits_for_a_release_that_knows_it(mut world: World) {
    world.happens("one").await;
    let mut tx = world.db.system(Reason::Reconcile).await.unwrap();
    tx.emit(world.tenant.id, &NewThing { name: "two".to_owned() }).unwrap();
    tx.commit().await.unwrap();
    world.happens("three").await;
    let old = world.run(Writer);
    world.eventually_effects(&["one", "three"]).await;
    let dead = world.eventually_dead().await;
    assert_eq!((dead.len(), dead[0].0.as_str(), dead[0].2), (1, "two", 0));
    assert!(dead[0].1.starts_with("schema from the future: version 2"), "{dead:?}");
    world.ask_again().await;
    let told = eventually("the old release refuses it again", async || {
        world.dead_letters().await.into_iter().find(|letter| letter.2 == 1)
    })
    .await;
    assert!(told.1.contains("schema from the future"), "{told:?}");
    old.abort();

    world.run(Upgraded);
    world.ask_again().await;
    world.eventually_effects(&["one", "three", "two"]).await;
    assert!(world.dead_letters().await.is_empty());
}

async fn t33_of_many_that_replay_at_once_one_has_the_effect(world: World) {
    let world = with_a_letter(world).await;
    let crowd: Db = world.bench.crowd("compute");
    world.ask_again().await;
    let found = race(async || (), async |()| replay_once(&crowd, &Writer).await.unwrap()).await;
    assert_eq!(found.iter().filter(|found| **found).count(), 1);
    assert_eq!(world.effects().await, ["poison"]);
    assert!(world.dead_letters().await.is_empty());
    world.ask_again().await;
    assert!(!replay_once(&crowd, &Writer).await.unwrap());
}

async fn t35_what_fails_again_is_the_same_letter_with_an_attempt_more(world: World) {
    let world = with_a_letter(world).await;
    let tried = Arc::new(AtomicU32::new(0));
    let again = Faulty {
        tried: tried.clone(),
        on: "poison",
        then: |tried| async move {
            assert_ne!(tried, 2, "on purpose");
            Err(fault::Error::internal("another\0cause"))
        },
    };
    assert!(!replay_once(&world.db, &again).await.unwrap(), "nobody asked");
    for (more, cause) in [(1, "another"), (2, "panicked")] {
        world.ask_again().await;
        assert!(replay_once(&world.db, &again).await.unwrap());
        let dead = world.dead_letters().await;
        assert_eq!(
            (dead.len(), dead[0].2),
            (1, i32::try_from(world.attempts() + more).unwrap())
        );
        assert!(dead[0].1.contains(cause), "{dead:?}");
        assert!(!replay_once(&world.db, &again).await.unwrap(), "once per asking");
    }
    assert_eq!(tried.load(Ordering::SeqCst), 2);
    assert!(world.effects().await.is_empty());
}

async fn what_needs_something_that_is_away_stays_asked_for(world: World) {
    let world = with_a_letter(world).await;
    let away = Faulty {
        tried: Arc::default(),
        on: "poison",
        then: |_| async { Err(fault::Error::unavailable("away", 1)) },
    };
    world.ask_again().await;
    replay_once(&world.db, &away).await.unwrap_err();
    let attempts = i32::try_from(world.attempts()).unwrap();
    assert_eq!(world.dead_letters().await[0].2, attempts);
    assert!(replay_once(&world.db, &Writer).await.unwrap());
    assert_eq!(world.effects().await, ["poison"]);
}
