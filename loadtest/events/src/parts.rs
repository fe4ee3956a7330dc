//! What is measured.

mod late;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use events::Kafka;
use serde_json::{Map, Value, json};

use crate::ours::{Running, Writer, feed, kafka};
use crate::peers;
use crate::place::Place;
use crate::store::Store;
use crate::turn::{self, Meter, Turn, say};

/// No turn takes this long.
const PATIENCE: Duration = Duration::from_mins(3);

/// What each side does at most, in events a second.
#[derive(Default)]
struct Highest {
    postgres: Option<f64>,
    kafka: Option<f64>,
    queue: Option<f64>,
}

pub async fn run(place: &Place) -> anyhow::Result<Value> {
    let mut store = Store::make(place).await?;
    let (mut said, mut highest) = (Map::new(), Highest::default());
    said.insert("events".to_owned(), place.events.into());
    if place.wants("relay") {
        said.insert("relay".to_owned(), relay(place, &mut store).await?);
    }
    if place.wants("consumers") {
        said.insert(
            "consumers".to_owned(),
            consumers(place, &mut store, &mut highest).await?,
        );
    }
    if place.wants("latency") {
        said.insert("latency".to_owned(), late::latency(place, &mut store, &highest).await?);
    }
    Ok(Value::Object(said))
}

/// From the outbox to Kafka, beside a producer with nothing around it.
async fn relay(place: &Place, store: &mut Store) -> anyhow::Result<Value> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..place.rounds {
        for mine in [true, false, false, true] {
            store.clear().await?;
            let kafka = topic(place, store).await?;
            store.fill(place.events).await?;
            if mine {
                let meter = Meter::start(place);
                let mut running = Running::default();
                running.relay(feed(Some(&kafka)), store.process()?);
                until_told(store).await?;
                ours.push(meter.stop(place, f64::from(place.events)));
                running.stop().await;
            } else {
                let records = store.keys(place.events).await?;
                let meter = Meter::start(place);
                peers::produce(place, &kafka.topic(), &records).await?;
                theirs.push(meter.stop(place, f64::from(place.events)));
            }
        }
    }
    let (rate, ours) = turn::told("relay", &ours);
    let (bound, theirs) = turn::told("  rdkafka's producer, acks=all, from memory", &theirs);
    say(&format!("  ratio {:.2}", rate / bound));
    Ok(json!({"ours": ours, "producer": theirs, "ratio": rate / bound}))
}

/// Makes the topic of a turn, as a relay does before it tells of anything.
async fn topic(place: &Place, store: &mut Store) -> anyhow::Result<Kafka> {
    let kafka = kafka(place);
    store.fill(1).await?;
    let mut running = Running::default();
    running.relay(feed(Some(&kafka)), store.process()?);
    until_told(store).await?;
    running.stop().await;
    Ok(kafka)
}

async fn until_told(store: &mut Store) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !store.is_told().await? {
        if begun.elapsed() > PATIENCE {
            bail!("the relay has not told of everything in {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

/// How a backlog gets its effects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Read from the outbox.
    Postgres,
    /// Told by Kafka of all of it before.
    Kafka,
    /// The relay and the consumer at once.
    RelayAndKafka,
    /// The peer's.
    Queue,
}

async fn consumers(place: &Place, store: &mut Store, highest: &mut Highest) -> anyhow::Result<Value> {
    use Way::{Kafka, Postgres, Queue, RelayAndKafka};
    let mut turns: Vec<(Way, Turn)> = Vec::new();
    for _ in 0..place.rounds {
        for way in [
            Postgres,
            Kafka,
            RelayAndKafka,
            Queue,
            Queue,
            RelayAndKafka,
            Kafka,
            Postgres,
        ] {
            turns.push((way, backlog(place, store, way).await?));
        }
    }
    let told = |way: Way, name: &str| {
        let of: Vec<Turn> = turns.iter().filter(|turn| turn.0 == way).map(|turn| turn.1).collect();
        turn::told(name, &of)
    };
    let (postgres, ours) = told(Postgres, "effects, feed from PostgreSQL");
    let (queue, theirs) = told(Queue, "  a queue, for update skip locked");
    say(&format!("  ratio {:.2}", postgres / queue));
    let (_, over) = told(Kafka, "effects, feed over Kafka");
    let (whole, both) = told(RelayAndKafka, "  the relay at work beside it");
    *highest = Highest {
        postgres: Some(postgres),
        kafka: Some(whole),
        queue: Some(queue),
    };
    Ok(json!({
        "postgres": ours, "queue": theirs, "ratio": postgres / queue, "kafka": over, "kafka_with_relay": both,
    }))
}

async fn backlog(place: &Place, store: &mut Store, way: Way) -> anyhow::Result<Turn> {
    store.clear().await?;
    let done = Arc::<AtomicU64>::default();
    let writer = Writer(done.clone());
    let mut running = Running::default();
    let (before, meter) = match way {
        Way::Queue => {
            store.fill_queue(place.events).await?;
            let meter = Meter::start(place);
            running.peer(peers::worker(store, done.clone()).await?);
            (0, meter)
        }
        Way::Postgres => {
            store.fill(place.events).await?;
            let meter = Meter::start(place);
            running.consumer(feed(None), store.process()?, &writer);
            (0, meter)
        }
        Way::Kafka => {
            let kafka = topic(place, store).await?;
            store.fill(place.events).await?;
            let mut told = Running::default();
            told.relay(feed(Some(&kafka)), store.process()?);
            until_told(store).await?;
            told.stop().await;
            running.consumer(feed(Some(&kafka)), store.process()?, &writer);
            // From the first effect on: to join a group takes its time.
            (until(&done, 1).await?, Meter::start(place))
        }
        Way::RelayAndKafka => {
            let kafka = topic(place, store).await?;
            running.consumer(feed(Some(&kafka)), store.process()?, &writer);
            let before = until(&done, 1).await?;
            store.fill(place.events).await?;
            let meter = Meter::start(place);
            running.relay(feed(Some(&kafka)), store.process()?);
            (before, meter)
        }
    };
    // What made the topic has its effect as well.
    let all = u64::from(place.events) + u64::from(matches!(way, Way::Kafka | Way::RelayAndKafka));
    until(&done, all).await?;
    while store.effects().await? < all {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let turn = meter.stop(place, (all - before) as f64);
    running.stop().await;
    let effects = store.effects().await?;
    if effects != all {
        bail!("{way:?}: {effects} effects of {all} events");
    }
    Ok(turn)
}

/// Waits until so many are applied; how many there are then.
async fn until(done: &AtomicU64, count: u64) -> anyhow::Result<u64> {
    let begun = Instant::now();
    loop {
        let now = done.load(Ordering::Relaxed);
        if now >= count {
            return Ok(now);
        }
        if begun.elapsed() > PATIENCE {
            bail!("{now} of {count} events are applied after {PATIENCE:?}");
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}
