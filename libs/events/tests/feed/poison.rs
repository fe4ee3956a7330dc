//! What cannot be applied does not stop the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use events::ATTEMPTS;

use crate::world::{Faulty, World};

on_both_feeds! {
    t35_poison_goes_to_the_dead_letters_and_the_feed_goes_on,
    t35_a_panic_is_poison_too,
    what_is_away_is_waited_for_beyond_every_budget,
}

async fn followed(world: &World) -> i64 {
    sqlx::query_scalar("select count(*) from bus.outbox where kind = 'thing.followed'")
        .fetch_one(&mut world.bench.superuser().await)
        .await
        .unwrap()
}

async fn t35_poison_goes_to_the_dead_letters_and_the_feed_goes_on(mut world: World) {
    for name in ["one", "poison", "three"] {
        world.happens(name).await;
    }
    let tried = Arc::new(AtomicU32::new(0));
    let fails = |_| async { Err(fault::Error::internal("the cause")) };
    world.run(Faulty {
        tried: tried.clone(),
        on: "poison",
        then: fails,
    });
    world.eventually_effects(&["one", "three"]).await;
    let dead = world.eventually_dead().await;
    assert_eq!(
        (dead.len(), dead[0].0.as_str(), dead[0].2),
        (1, "poison", i32::try_from(world.attempts()).unwrap())
    );
    assert!(dead[0].1.contains("the cause"), "{dead:?}");
    assert_eq!(tried.load(Ordering::SeqCst), world.attempts());
    world.happens("four").await;
    world.eventually_effects(&["one", "three", "four"]).await;
    assert_eq!(followed(&world).await, 0, "what a failed try emitted was never sent");
}

async fn t35_a_panic_is_poison_too(mut world: World) {
    let tried = Arc::new(AtomicU32::new(0));
    world.run(Faulty {
        tried: tried.clone(),
        on: "poison",
        then: |_| async { panic!("on purpose") },
    });
    world.happens("poison").await;
    world.happens("after").await;
    world.eventually_effects(&["after"]).await;
    assert_eq!(world.eventually_dead().await.len(), 1);
    assert_eq!(tried.load(Ordering::SeqCst), world.attempts());
}

async fn what_is_away_is_waited_for_beyond_every_budget(mut world: World) {
    let tried = Arc::new(AtomicU32::new(0));
    let enough = ATTEMPTS + 3;
    let away = move |tried| async move {
        if tried < enough {
            Err(fault::Error::unavailable("away", 1))
        } else {
            Ok(())
        }
    };
    world.run(Faulty {
        tried: tried.clone(),
        on: "patience",
        then: away,
    });
    for name in ["before", "patience", "after"] {
        world.happens(name).await;
    }
    world.eventually_effects(&["before", "patience", "after"]).await;
    assert_eq!(tried.load(Ordering::SeqCst), enough);
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(followed(&world).await, 1, "only what the successful try emitted");
}
