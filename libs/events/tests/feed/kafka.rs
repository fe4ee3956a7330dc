//! What only a feed over Kafka can suffer.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use events::{Envelope, Kafka, Position, Tail};
use ids::{EventId, TenantId};
use testkit::eventually;

use crate::broker::{committed, forge, headers, heard, lose, settings, told};
use crate::world::{Faulty, Shape, Thing, World, Writer, named};

/// A world that nobody tells Kafka about.
async fn silent() -> World {
    World::on(testkit::Bench::new().await, Shape::Kafka).await
}

/// Lets so many things happen; the events as they were committed.
async fn happened(world: &World, count: usize) -> Vec<Envelope> {
    let mut tail = Tail::new(world.bench.db("compute"));
    assert!(tail.next().await.is_empty());
    for number in 0..count {
        world.happens(number).await;
    }
    let mut events: Vec<Envelope> = Vec::new();
    while events.len() < count {
        let ours = tail
            .next()
            .await
            .into_iter()
            .filter(|event| event.tenant == world.tenant.id);
        events.extend(ours);
    }
    assert!(events.iter().all(|event| event.position > Position::default()));
    events
}

/// Waits until the relay has made the topic.
async fn topic_is_there(world: &mut World) {
    world.relay().abort();
    let relay = world.relay();
    world.happens("first").await;
    let kafka = world.kafka.clone();
    eventually("the topic", async || (told(&kafka).await > 0).then_some(())).await;
    relay.abort();
}

async fn sorted_effects(world: &World, count: usize) -> Vec<String> {
    eventually("the effects", async || {
        (world.effects().await.len() >= count).then_some(())
    })
    .await;
    let mut effects = world.effects().await;
    effects.sort();
    effects
}

fn sorted<'a>(names: impl IntoIterator<Item = &'a Envelope>) -> Vec<String> {
    let mut names: Vec<String> = names.into_iter().map(|event| named(event).to_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_each_event_told_up_to_five_times_and_shuffled_has_one_effect() {
    let mut world = silent().await;
    topic_is_there(&mut world).await;
    let events = happened(&world, 60).await;
    let mut records: Vec<&Envelope> = Vec::new();
    for (number, event) in events.iter().enumerate() {
        records.extend(std::iter::repeat_n(event, 1 + number % 5));
    }
    // Any order will do as long as it is another: event ids share their beginnings and differ at their ends.
    records.sort_by_key(|event| event.id.to_string().chars().rev().collect::<String>());
    for (number, event) in records.iter().enumerate() {
        forge(&world.kafka, &format!("key-{number}"), &headers(event)).await;
    }
    let tried = Arc::new(AtomicU32::new(0));
    let counting = Faulty {
        tried: tried.clone(),
        on: "",
        then: |_| async { Ok(()) },
    };
    world.run(counting);
    world.happens("last").await;
    world.relay();
    let mut expected = sorted(&events);
    expected.extend(["first".to_owned(), "last".to_owned()]);
    assert_eq!(sorted_effects(&world, expected.len()).await, expected);
    let all = told(&world.kafka).await;
    eventually("everything is read", async || {
        (committed(&world.kafka, "test").await >= all).then_some(())
    })
    .await;
    assert!(all > 180, "{all}");
    assert_eq!(sorted_effects(&world, expected.len()).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_consumer_killed_before_its_offsets_were_committed_has_its_effects_once() {
    let mut world = silent().await;
    world.kafka.settle = Duration::from_hours(1);
    world.relay();
    for number in 0..20 {
        world.happens(number).await;
    }
    let first = world.run(Writer);
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    world.eventually_effects(&expected).await;
    first.abort();
    assert_eq!(
        committed(&world.kafka, "test").await,
        0,
        "the fault was reached: no offset is committed"
    );

    world.kafka.settle = Duration::from_millis(50);
    world.run(Writer);
    eventually("it was all read again", async || {
        (committed(&world.kafka, "test").await >= 20).then_some(())
    })
    .await;
    assert_eq!(world.effects().await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn t07_a_record_without_a_true_tenant_is_nobodys() {
    let mut world = silent().await;
    topic_is_there(&mut world).await;
    let event = happened(&world, 1).await.remove(0);
    let other = world.bench.tenant("other").await;
    let honest = headers(&event);
    let with = |name: &str, value: Option<String>| {
        let mut all = honest.clone();
        all.retain(|(known, _)| *known != name);
        all.extend(value.map(|value| {
            (
                ["tenant", "event", "kind"]
                    .into_iter()
                    .find(|known| *known == name)
                    .unwrap(),
                value,
            )
        }));
        all
    };
    let forged = [
        with("tenant", None),
        with("tenant", Some(other.id.to_string())),
        with("tenant", Some(TenantId::mint().to_string())),
        with("tenant", Some("acme".to_owned())),
        with("event", None),
        with("event", Some(EventId::mint().to_string())),
        with("kind", None),
    ];
    for headers in &forged {
        forge(&world.kafka, "k", headers).await;
    }
    world.run(Writer);
    let letters = async || -> Vec<(TenantId, String, serde_json::Value)> {
        sqlx::query_as("select tenant_id, kind, data from bus.dead_letters")
            .fetch_all(&mut world.bench.superuser().await)
            .await
            .unwrap()
    };
    let found = eventually("the letters", async || {
        Some(letters().await).filter(|all| all.len() == forged.len())
    })
    .await;
    for (tenant, kind, data) in &found {
        assert_eq!((*tenant, kind.as_str()), (auth::PLATFORM, "bus.refused"));
        assert!(data.get("name").is_none(), "{data}");
    }
    assert_eq!(world.effects().await, ["first"], "what nobody forged");
    forge(&world.kafka, "k", &honest).await;
    world.eventually_effects(&["first", "0"]).await;

    // Wanting to have it applied again applies nothing.
    world.ask_again().await;
    eventually("each was looked at again", async || {
        let again = world.dead_letters().await;
        again.iter().all(|letter| letter.2 == 1).then_some(())
    })
    .await;
    assert_eq!(world.effects().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn t35_one_in_a_hundred_is_poison_and_the_rest_does_not_wait() {
    let mut world = silent().await;
    world.kafka.ladder = vec![Duration::from_mins(10)];
    world.relay();
    for number in 0..300 {
        world
            .happens(if number % 100 == 50 {
                "poison".to_owned()
            } else {
                number.to_string()
            })
            .await;
    }
    let tried = Arc::new(AtomicU32::new(0));
    world.run(Faulty {
        tried: tried.clone(),
        on: "poison",
        then: |_| async { Err(fault::Error::internal("the cause")) },
    });
    assert_eq!(sorted_effects(&world, 297).await.len(), 297);
    assert!(tried.load(Ordering::SeqCst) >= 3);
    assert!(world.dead_letters().await.is_empty(), "they wait for their next try");
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_what_the_broker_loses_is_found_in_the_database() {
    let mut world = silent().await;
    world.kafka.grace = Duration::from_secs(1);
    topic_is_there(&mut world).await;
    let events = happened(&world, 50).await;
    let relay = world.relay();
    let kafka = world.kafka.clone();
    eventually("all is told", async || (told(&kafka).await >= 51).then_some(())).await;
    relay.abort();
    lose(&world.kafka).await;
    world.run(Writer);
    let mut expected = sorted(&events);
    expected.push("first".to_owned());
    assert_eq!(sorted_effects(&world, 51).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn t34_while_the_broker_is_away_events_come_late_and_nothing_is_lost() {
    let mut world = silent().await;
    world.kafka = Kafka {
        // Nobody listens there.
        brokers: "127.0.0.1:1".to_owned(),
        grace: Duration::from_secs(1),
        ..settings(Shape::Kafka)
    };
    world.relay();
    world.run(Writer);
    for number in 0..20 {
        world.happens(number).await;
    }
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    world.eventually_effects(&feed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_run_at_once_and_die_tell_everything_in_order() {
    let mut world = silent().await;
    let mut relays = vec![world.relay(), world.relay()];
    for round in 0..10 {
        for number in 0..20 {
            world.happens(format!("{round}.{number}")).await;
        }
        if round % 3 == 0 {
            relays.remove(0).abort();
            relays.push(world.relay());
        }
    }
    let ids: Vec<String> =
        sqlx::query_scalar("select event_id::text from bus.outbox where kind = $1 order by xact, seq")
            .bind(<Thing as db::Event>::KIND)
            .fetch_all(&mut world.bench.superuser().await)
            .await
            .unwrap();
    let first_of_each = |heard: Vec<Vec<String>>| -> Vec<String> {
        let mut known = HashSet::new();
        heard
            .into_iter()
            .flatten()
            .filter(|event| known.insert(event.clone()))
            .collect()
    };
    let heard = eventually("all is told", async || {
        Some(first_of_each(heard(&world.kafka).await)).filter(|heard| heard.len() >= ids.len())
    })
    .await;
    // One tenant, one subject: one key, and so one order.
    assert_eq!(heard, ids);
}

/// The environment that makes a process of this test a zombie to be, with all it needs to know.
const ZOMBIE: &str = "YUNSHU_TEST_ZOMBIE";

#[derive(serde::Serialize, serde::Deserialize)]
struct Zombie {
    host: String,
    port: u16,
    name: String,
    prefix: String,
    brokers: String,
}

/// Not a test by itself: the member that is stopped in the middle of its work. See below.
#[tokio::test(flavor = "multi_thread")]
async fn zombie() {
    let Ok(told) = std::env::var(ZOMBIE) else { return };
    let told: Zombie = serde_json::from_str(&told).unwrap();
    let connect = db::Connect {
        host: told.host,
        port: told.port,
        name: told.name,
        secrets: None,
        connections: 5,
        allow_unsafe_version: false,
    };
    let db = db::Db::connect(&connect, "compute", clock::Clock::system(), db::Wake::default()).unwrap();
    let kafka = Kafka {
        prefix: told.prefix,
        ..settings(Shape::Kafka)
    };
    assert_eq!(kafka.brokers, told.brokers);
    // Before the effect of the first event it says so on a row that is no event's, and then takes its time.
    let slow = Slow(db.clone());
    let forever = tokio_util::sync::CancellationToken::new();
    Box::pin(events::run(events::Feed::kafka(kafka), db, slow, forever)).await;
}

/// A process that does not outlive its test.
struct Member(std::process::Child);

impl Drop for Member {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

struct Slow(db::Db);

impl events::Consumer for Slow {
    const NAME: &'static str = "test";

    fn wants(&self, kind: &str) -> bool {
        kind == <Thing as db::Event>::KIND
    }

    async fn apply(&self, tx: &mut db::SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let mut said = self.0.system(db::Reason::Consume).await?;
        sqlx::query("insert into public.effects (name) values ('at work')")
            .execute(said.sql())
            .await
            .map_err(db::Error::from)?;
        said.commit().await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        crate::world::effect(tx, event).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t33_a_member_that_is_stopped_past_its_session_and_wakes_doubles_nothing() {
    let mut world = silent().await;
    world.relay();
    let connect = world.bench.connect();
    let told = Zombie {
        host: connect.host,
        port: connect.port,
        name: connect.name,
        prefix: world.kafka.prefix.clone(),
        brokers: world.kafka.brokers.clone(),
    };
    let member = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "kafka::zombie", "--nocapture"])
        .env(ZOMBIE, serde_json::to_string(&told).unwrap())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let member = Member(member);
    for number in 0..5 {
        world.happens(number).await;
    }
    let at_work = async || world.effects().await.iter().any(|name| name == "at work").then_some(());
    eventually("it is at work", at_work).await;
    let signal = |name: &str| {
        let kill = std::process::Command::new("kill")
            .args(["-s", name, &member.0.id().to_string()])
            .status();
        assert!(kill.unwrap().success());
    };
    signal("STOP");
    world.run(Writer);
    for number in 5..10 {
        world.happens(number).await;
    }
    let things = async || {
        let effects = world.effects().await;
        let mut things: Vec<String> = effects.into_iter().filter(|name| name != "at work").collect();
        things.sort();
        things
    };
    let expected: Vec<String> = (0..10).map(|number| number.to_string()).collect();
    // It stands at the very event that the stopped one holds.
    let other_waits = async || {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(&mut world.bench.superuser().await)
        .await
        .unwrap();
        (waiting > 0).then_some(())
    };
    eventually("the partition is another's", other_waits).await;
    signal("CONT");
    eventually("everything", async || (things().await.len() >= 10).then_some(())).await;
    // Whatever it still does, it does while the other one reads on.
    world.happens("last").await;
    eventually("the last", async || {
        things().await.contains(&"last".to_owned()).then_some(())
    })
    .await;
    drop(member);
    let mut all = expected;
    all.push("last".to_owned());
    assert_eq!(things().await, all, "each once");
}
