//! How late effects are. Open loop: what happens has its time, and lateness counts from it, whatever came in between.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use clock::Clock;
use serde_json::{Map, Value};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::{Highest, topic, until};
use crate::ours::{Running, Writer, feed};
use crate::peers;
use crate::place::Place;
use crate::store::{self, Store};
use crate::turn::{Meter, say};

/// Between two commits; with a higher rate there is more in each.
const TICK: Duration = Duration::from_millis(10);
/// Before anything counts: connections are made.
const WARM: Duration = Duration::from_secs(2);
/// Connections of whoever lets things happen.
const HANDS: u32 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Postgres,
    Kafka,
    Queue,
}

pub async fn latency(place: &Place, store: &mut Store, highest: &Highest) -> anyhow::Result<Value> {
    let mut said = Map::new();
    for (side, name, most) in [
        (Side::Postgres, "postgres", highest.postgres),
        (Side::Queue, "queue", highest.queue),
        (Side::Kafka, "kafka", highest.kafka),
    ] {
        let mut of = Map::new();
        of.insert("modest".to_owned(), one(place, store, side, place.rate).await?);
        if let Some(most) = most {
            of.insert("at_half".to_owned(), one(place, store, side, most / 2.0).await?);
        }
        said.insert(name.to_owned(), Value::Object(of));
    }
    Ok(Value::Object(said))
}

async fn one(place: &Place, store: &mut Store, side: Side, rate: f64) -> anyhow::Result<Value> {
    store.clear().await?;
    let mut running = Running::default();
    let over = match side {
        Side::Kafka => Some(topic(place, store).await?),
        Side::Postgres | Side::Queue => None,
    };
    // Whoever lets things happen is another process than those that hear of it.
    let causes = store.process()?;
    running.rings(causes.clone());
    match side {
        Side::Queue => running.peer(peers::worker(store, Arc::<AtomicU64>::default()).await?),
        Side::Postgres => running.consumer(feed(None), store.process()?, &Writer::default()),
        Side::Kafka => {
            let writer = Writer::default();
            running.consumer(feed(over.as_ref()), store.process()?, &writer);
            running.relay(feed(over.as_ref()), store.process()?);
            until(&writer.0, 1).await?;
        }
    }
    let mut hands: JoinSet<store::Result<()>> = JoinSet::new();
    let begin = Instant::now() + TICK;
    let (from, to) = (now() + micros(TICK + WARM), now() + micros(TICK + WARM + place.each));
    for hand in 0..HANDS {
        let (mut sql, wake) = (store.another().await?, causes.wake().clone());
        let (start, end) = (begin + TICK * hand, begin + WARM + place.each);
        hands.spawn(async move {
            // What is due and is not a whole event yet.
            let (mut at, mut owed) = (start, 0.0);
            while at < end {
                tokio::time::sleep_until(at).await;
                // Each of them has every fourth of the ticks.
                owed += rate * TICK.as_secs_f64();
                let (count, due) = (owed as u32, now() - micros(at.elapsed()));
                owed -= f64::from(count);
                if count > 0 && side == Side::Queue {
                    store::enqueue(&mut sql, count, due).await?;
                    store::notify(&mut sql).await?;
                } else if count > 0 {
                    store::happen(&mut sql, count, due).await?;
                    wake.ring();
                }
                at += TICK * HANDS;
            }
            Ok(())
        });
    }
    tokio::time::sleep_until(begin + WARM).await;
    let meter = Meter::start(place);
    while let Some(ended) = hands.join_next().await {
        ended??;
    }
    let turn = meter.stop(place, rate * place.each.as_secs_f64());
    settled(store).await?;
    running.stop().await;
    let mut late = store.late(from, to).await?;
    let ms = |name: &str| late.get(name).and_then(Value::as_f64).unwrap_or_default();
    say(&format!(
        "lateness, {side:?} at {rate:.0}/s: p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms; cores: own {:.2}, PostgreSQL {:.2}, Kafka {:.2}",
        ms("p50_ms"),
        ms("p99_ms"),
        ms("max_ms"),
        turn.spent[0] / turn.wall,
        turn.spent[1] / turn.wall,
        turn.spent[2] / turn.wall,
    ));
    if let Some(late) = late.as_object_mut() {
        late.insert("rate".to_owned(), rate.into());
        late.insert("cost".to_owned(), turn.told());
    }
    Ok(late)
}

/// Waits until there are no more effects to come.
async fn settled(store: &mut Store) -> anyhow::Result<()> {
    let mut before = None;
    loop {
        let effects = store.effects().await?;
        if before == Some(effects) {
            return Ok(());
        }
        before = Some(effects);
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

fn now() -> i64 {
    Clock::system().now().timestamp_micros()
}

fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}
