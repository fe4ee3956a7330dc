//! What cannot be applied does not stop the rest.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use db::SystemTx;
use events::{ATTEMPTS, Consumer, Envelope, Failed};
use testkit::eventually;

use crate::world::{Faulty, Shape, Thing, World, Writer, named};

on_both_feeds! {
    t35_poison_goes_to_the_dead_letters_and_the_feed_goes_on,
    t35_a_panic_is_poison_too,
    t35_poison_in_company_is_found_though_nobody_says_which_it_is,
    a_backlog_shares_commits,
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

/// Writes the effects of all events at once, and cannot tell which of them is at fault.
struct Bulk(Arc<AtomicU32>);

impl Consumer for Bulk {
    const NAME: &'static str = "test";

    fn wants(&self, kind: &str) -> bool {
        kind == <Thing as db::Event>::KIND
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        self.apply_all(tx, &[event]).await.map_err(|failed| failed.error)
    }

    async fn apply_all(&self, tx: &mut SystemTx, events: &[&Envelope]) -> Result<(), Failed> {
        let names: Vec<&str> = events.iter().map(|event| named(event)).collect();
        sqlx::query("insert into public.effects (name) select * from unnest($1::text[])")
            .bind(&names)
            .execute(tx.sql())
            .await
            .map_err(db::Error::from)?;
        if names.contains(&"poison") {
            self.0.fetch_max(u32::try_from(names.len()).unwrap(), Ordering::SeqCst);
            return Err(fault::Error::internal("the cause").into());
        }
        Ok(())
    }
}

/// Lets so many things happen, and waits until consumers can hear of all of them.
async fn backlog(world: &World, names: impl Iterator<Item = String>) {
    let mut count = 0;
    for name in names {
        world.happens(name).await;
        count += 1;
    }
    if world.shape == Shape::Kafka {
        eventually("all is told", async || {
            (crate::broker::told(&world.kafka).await >= count).then_some(())
        })
        .await;
    }
}

async fn t35_poison_in_company_is_found_though_nobody_says_which_it_is(mut world: World) {
    let name = |number: u32| {
        if number == 57 {
            "poison".to_owned()
        } else {
            number.to_string()
        }
    };
    backlog(&world, (0..100).map(name)).await;
    let company = Arc::new(AtomicU32::new(0));
    world.run(Bulk(company.clone()));
    let rest: Vec<String> = (0..100).filter(|number| *number != 57).map(name).collect();
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    world.eventually_effects(&rest).await;
    let dead = world.eventually_dead().await;
    assert_eq!((dead.len(), dead[0].0.as_str()), (1, "poison"));
    assert!(company.load(Ordering::SeqCst) > 1, "it was in company");
    assert_eq!(world.effects().await, rest, "each once, in order");
}

async fn a_backlog_shares_commits(mut world: World) {
    backlog(&world, (0..200).map(|number| number.to_string())).await;
    world.run(Writer);
    eventually("the effects", async || {
        (world.effects().await.len() >= 200).then_some(())
    })
    .await;
    let commits: i64 = sqlx::query_scalar("select count(distinct xmin::text) from public.effects")
        .fetch_one(&mut world.bench.superuser().await)
        .await
        .unwrap();
    assert!(commits < 100, "{commits} commits");
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
