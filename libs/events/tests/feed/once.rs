//! Whatever dies in between, the effect is there once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use testkit::eventually;

use crate::world::{Faulty, World, Writer};

on_both_feeds! {
    a_consumer_that_dies_between_effect_and_commit_leaves_one_effect,
    consumers_killed_at_any_moment_leave_one_effect_per_event_in_order,
    two_runners_of_one_consumer_never_double,
    t29_connections_that_are_cut_cost_time_and_nothing_else,
}

async fn a_consumer_that_dies_between_effect_and_commit_leaves_one_effect(mut world: World) {
    for name in ["one", "two", "three"] {
        world.happens(name).await;
    }
    let tried = Arc::new(AtomicU32::new(0));
    // It hangs after the effect, before the commit, and is killed there.
    let hangs = Faulty {
        tried: tried.clone(),
        on: "two",
        then: |_| std::future::pending(),
    };
    let dying = world.run(hangs);
    eventually("the consumer hangs", async || {
        (tried.load(Ordering::SeqCst) == 1).then_some(())
    })
    .await;
    dying.abort();
    // Those before it may have been a batch of their own.
    let left = world.effects().await;
    assert!(
        left.is_empty() || left == ["one"],
        "nothing of it was committed: {left:?}"
    );
    world.run(Writer);
    world.eventually_effects(&["one", "two", "three"]).await;
}

async fn consumers_killed_at_any_moment_leave_one_effect_per_event_in_order(mut world: World) {
    for round in 0..world.rounds() {
        for number in 0..5 {
            world.happens(format!("{round}.{number}")).await;
        }
        let (tried, before) = (Arc::new(AtomicU32::new(0)), world.effects().await.len());
        let counting = Faulty {
            tried: tried.clone(),
            on: "",
            then: |_| async { Ok(()) },
        };
        let running = world.run(counting);
        if round.is_multiple_of(3) {
            eventually("a commit", async || {
                (world.effects().await.len() > before).then_some(())
            })
            .await;
        } else {
            eventually("some work", async || (tried.load(Ordering::SeqCst) > 0).then_some(())).await;
            // From the middle of a batch to behind its commit.
            tokio::time::sleep(Duration::from_micros(round * 100)).await;
        }
        running.abort();
    }
    world.run(Writer);
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    world.eventually_effects(&feed).await;
}

async fn two_runners_of_one_consumer_never_double(mut world: World) {
    for _ in 0..3 {
        world.run(Writer);
    }
    for number in 0..200 {
        world.happens(number).await;
    }
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    world.eventually_effects(&feed).await;
}

async fn t29_connections_that_are_cut_cost_time_and_nothing_else(mut world: World) {
    world.run(Writer);
    for round in 0..10 {
        for number in 0..10 {
            world.happens(format!("{round}.{number}")).await;
        }
        world.cut_connections().await;
    }
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    assert_eq!(feed.len(), 100);
    world.eventually_effects(&feed).await;
    assert!(world.dead_letters().await.is_empty());
}
