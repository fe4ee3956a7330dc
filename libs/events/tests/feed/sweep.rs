//! What was read and is old goes; what was not read stays, however old.

use auth::Role;
use auth::action::{event, vm};
use clock::Clock;
use events::{KEEP_ENTRIES, KEEP_EVENTS, Position, sweep_once};
use testkit::Bench;

use crate::world::{Shape, World, Writer};

/// Kinds on the bus, in order, and how many events the consumer remembers.
async fn kept(world: &World) -> (Vec<String>, i64) {
    let mut sql = world.bench.superuser().await;
    let kinds = sqlx::query_scalar("select kind from bus.outbox order by xact, seq")
        .fetch_all(&mut sql)
        .await
        .unwrap();
    (
        kinds,
        sqlx::query_scalar("select count(*) from bus.inbox")
            .fetch_one(&mut sql)
            .await
            .unwrap(),
    )
}

async fn swept(world: &World) -> Position {
    let notify = world.bench.db("notify");
    let mut tx = notify
        .read::<event::Stream>(&world.tenant.caller(Role::Viewer))
        .await
        .unwrap();
    events::swept(&mut tx).await.unwrap()
}

#[tokio::test]
async fn what_was_read_goes_by_its_age_and_nothing_else_does() {
    let clock = Clock::held_at(Clock::system().now());
    let mut world = World::on(Bench::at(clock.clone()).await, Shape::Postgres).await;
    let (thing, entry) = ("thing.happened".to_owned(), db::AUDIT.to_owned());
    world.happens("one").await;
    let caller = world.tenant.caller(Role::Owner);
    world
        .db
        .record::<vm::Read>(&caller, "vm:1".to_owned(), serde_json::json!({}))
        .await
        .unwrap();
    clock.advance(KEEP_EVENTS * 2);
    assert!(!sweep_once(&world.db).await.unwrap());
    assert_eq!(
        kept(&world).await,
        (vec![thing.clone(), entry.clone()], 0),
        "old, and not read by anybody yet"
    );

    clock.advance(KEEP_EVENTS);
    let running = world.run(Writer);
    world.happens("two").await;
    world
        .db
        .record::<vm::Read>(&caller, "vm:2".to_owned(), serde_json::json!({}))
        .await
        .unwrap();
    world.happens("three").await;
    world.eventually_effects(&["one", "two", "three"]).await;
    running.abort();
    assert_eq!(swept(&world).await, Position::default());
    sweep_once(&world.db).await.unwrap();
    let (kinds, _) = kept(&world).await;
    assert_eq!(kinds, [thing.as_str(), &entry, &thing], "what was read and old is gone");
    let mark = swept(&world).await;
    assert!(mark > Position::default());

    clock.advance(KEEP_ENTRIES + std::time::Duration::from_secs(1));
    world.happens("four").await;
    sweep_once(&world.db).await.unwrap();
    assert_eq!(
        kept(&world).await.0,
        [thing.as_str(), &thing, &thing],
        "entries go sooner"
    );
    assert_eq!(swept(&world).await, mark, "streams do not miss them");

    clock.advance(KEEP_EVENTS * 2);
    sweep_once(&world.db).await.unwrap();
    assert_eq!(kept(&world).await, (vec![thing], 0), "the one that was not read stays");
    assert!(swept(&world).await > mark);
}
