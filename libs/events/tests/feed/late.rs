//! Sequence order is not commit order.

use auth::Role;
use auth::action::event;
use events::Position;
use sqlx::PgConnection;
use testkit::eventually;

use crate::world::{Shape, World, Writer, named};

on_both_feeds! {
    a_consumer_applies_a_late_one_in_its_place,
    order_is_kept_while_many_commit_at_once,
}

/// A transaction that has written its event and does not commit yet.
async fn open_transaction(world: &World, name: &str) -> PgConnection {
    let mut sql = world.bench.superuser().await;
    sqlx::query("begin").execute(&mut sql).await.unwrap();
    sqlx::query(
        "insert into bus.outbox (tenant_id, event_id, kind, subject, data, time)
         values ($1, gen_random_uuid(), 'thing.happened', 'thing:1', jsonb_build_object('name', $2::text), now())",
    )
    .bind(world.tenant.id)
    .bind(name)
    .execute(&mut sql)
    .await
    .unwrap();
    sql
}

async fn commit(mut sql: PgConnection) {
    sqlx::query("commit").execute(&mut sql).await.unwrap();
}

/// What a stream of the tenant reads behind a position.
async fn since(world: &World, after: Position) -> (Vec<String>, Position, bool) {
    let notify = world.bench.db("notify");
    let mut tx = notify
        .read::<event::Stream>(&world.tenant.caller(Role::Viewer))
        .await
        .unwrap();
    let batch = events::since(&mut tx, after, 100).await.unwrap();
    let reached = batch.events.last().map_or(after, |event| event.position);
    (
        batch.events.iter().map(|event| named(event).to_owned()).collect(),
        reached,
        batch.held,
    )
}

/// The numbers a reader by sequence sees, and the last of them.
async fn naive(world: &World, after: i64) -> (Vec<String>, i64) {
    let rows: Vec<(String, i64)> =
        sqlx::query_as("select data ->> 'name', seq from bus.outbox where seq > $1 order by seq")
            .bind(after)
            .fetch_all(&mut world.bench.superuser().await)
            .await
            .unwrap();
    let last = rows.last().map_or(after, |row| row.1);
    (rows.into_iter().map(|row| row.0).collect(), last)
}

#[tokio::test]
async fn a_transaction_that_commits_late_is_not_lost() {
    let world = World::new(Shape::Postgres).await;
    let late = open_transaction(&world, "late").await;
    world.happens("early").await;

    let (seen, place) = naive(&world, 0).await;
    assert_eq!(seen, ["early"]);
    let (ours, reached, held) = since(&world, Position::default()).await;
    assert!(
        ours.is_empty() && held,
        "what follows an open transaction waits for it: {ours:?}"
    );

    commit(late).await;
    assert!(
        naive(&world, place).await.0.is_empty(),
        "the proof: a reader by sequence loses it"
    );
    // Transactions of other tests on this server hold the feed back too.
    let (ours, reached) = eventually("both", async || {
        let (ours, reached, _) = since(&world, reached).await;
        (ours.len() == 2).then_some((ours, reached))
    })
    .await;
    assert_eq!(ours, ["late", "early"]);
    assert!(since(&world, reached).await.0.is_empty());
}

async fn a_consumer_applies_a_late_one_in_its_place(mut world: World) {
    world.happens("first").await;
    world.run(Writer);
    world.eventually_effects(&["first"]).await;
    let late = open_transaction(&world, "late").await;
    world.happens("early").await;
    let given_up = open_transaction(&world, "never").await;
    commit(late).await;
    drop(given_up);
    world.happens("last").await;
    world.eventually_effects(&["first", "late", "early", "last"]).await;
}

async fn order_is_kept_while_many_commit_at_once(mut world: World) {
    world.run(Writer);
    // Transactions that take their numbers early and commit in the reverse order.
    for round in 0..10 {
        let mut open = Vec::new();
        for number in 0..5 {
            open.push(open_transaction(&world, &format!("{round}.{number}")).await);
        }
        while let Some(sql) = open.pop() {
            commit(sql).await;
        }
    }
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    assert_eq!(feed.len(), 50);
    world.eventually_effects(&feed).await;
}

/// Numbers of transactions grow by a digit now and then. By their text 10 comes before 9, and whoever went by that would be
/// past 9 before reading it.
#[tokio::test]
async fn nothing_is_passed_by_where_transactions_get_a_digit_more() {
    let mut world = World::new(Shape::Postgres).await;
    // More than one commit's share of the later one.
    let names: Vec<String> = (1..=1_203).map(|number| number.to_string()).collect();
    sqlx::query(
        "insert into bus.outbox (tenant_id, event_id, xact, kind, subject, data, time)
         select $1, gen_random_uuid(), (case when n <= 3 then '9' else '10' end)::xid8, 'thing.happened', 'thing:1',
                jsonb_build_object('name', n::text), now()
         from generate_series(1, 1203) n order by n",
    )
    .bind(world.tenant.id)
    .execute(&mut world.bench.superuser().await)
    .await
    .unwrap();
    let (seen, reached, held) = since(&world, Position::default()).await;
    assert_eq!((seen.as_slice(), reached.xact, held), (&names[..100], 10, false));
    world.run(Writer);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.eventually_effects(&names).await;
}
