//! A broker: partitions that are kept in order, offsets that members commit, and answers that get lost.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use events::Envelope;
use events::step::{Later, News, NotTold, Record, Told, key};

use crate::executor::{Sim, Time};
use crate::store::date;

pub const PARTITIONS: i32 = 3;
/// How long each retry waits.
const LADDER: [Time; 2] = [200, 500];

/// A topic by its number, the events' own first and then one for each retry; and a partition of it.
pub type Place = (usize, i32);

/// All there are.
pub fn places() -> Vec<Place> {
    let topics = 0..=LADDER.len();
    topics
        .flat_map(|topic| (0..PARTITIONS).map(move |partition| (topic, partition)))
        .collect()
}

#[derive(Default)]
pub struct Topics {
    pub records: BTreeMap<Place, Vec<Record>>,
    pub committed: BTreeMap<Place, usize>,
    /// Which member reads it, and since which change of members.
    owners: BTreeMap<Place, (u64, u64)>,
    changes: u64,
}

#[derive(Clone)]
pub struct Broker {
    pub sim: Sim,
    topics: Arc<Mutex<Topics>>,
}

impl Broker {
    pub fn new(sim: Sim) -> Self {
        let mut topics = Topics::default();
        for place in places() {
            topics.records.insert(place, Vec::new());
            topics.committed.insert(place, 0);
            topics.owners.insert(place, (0, 0));
        }
        let topics = Arc::new(Mutex::new(topics));
        Self { sim, topics }
    }

    pub fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, topic: usize, mut record: Record) {
        // Any spread will do that is the same for the same key.
        let sum: u32 = record.key.iter().map(|byte| u32::from(*byte)).sum();
        record.partition = i32::try_from(sum).unwrap() % PARTITIONS;
        record.topic = format!("topic-{topic}");
        let twice = self.sim.fault(20);
        if twice {
            self.sim.suffer("a record is kept twice");
        }
        let mut topics = self.topics();
        let log = topics.records.get_mut(&(topic, record.partition)).expect("a partition");
        for _ in 0..=u8::from(twice) {
            record.offset = i64::try_from(log.len()).unwrap();
            log.push(record.clone());
        }
    }

    /// Tells of one event; whether it was kept is not always known.
    pub async fn publish(&self, event: &Envelope) -> Result<(), NotTold> {
        self.sim.step(format!("tell of {}", event.data)).await;
        if self.sim.fault(60) {
            return Err(NotTold::GivenUp);
        }
        self.append(
            0,
            Record {
                topic: String::new(),
                partition: 0,
                offset: 0,
                key: key(event).into_bytes(),
                news: Some(News::of(event)),
                attempts: 0,
                due: None,
            },
        );
        if self.sim.fault(60) {
            self.sim.suffer("the broker's answer is lost");
            return Err(NotTold::GivenUp);
        }
        Ok(())
    }

    /// Who reads this, since when.
    pub fn owner(&self, place: Place) -> (u64, u64) {
        self.topics().owners[&place]
    }

    /// The partition goes to another member.
    pub fn hand_over(&self, place: Place, member: u64) {
        let mut topics = self.topics();
        topics.changes += 1;
        let change = topics.changes;
        topics.owners.insert(place, (member, change));
    }

    pub fn committed(&self, place: Place) -> usize {
        let topics = self.topics();
        topics.committed[&place].min(topics.records[&place].len())
    }

    pub async fn fetch(&self, place: Place, from: usize, most: usize) -> Vec<Record> {
        self.sim.step(format!("fetch {place:?} from {from}")).await;
        let topics = self.topics();
        let log = &topics.records[&place];
        log.iter().skip(from).take(most).cloned().collect()
    }

    /// Whoever reads it no more commits nothing.
    pub async fn commit(&self, place: Place, next: usize, since: (u64, u64)) {
        self.sim.step(format!("commit {place:?} up to {next}")).await;
        if self.owner(place) != since {
            self.sim.suffer("a member comes too late with its offset");
        } else if self.sim.fault(30) {
            self.sim.suffer("an offset is lost");
        } else {
            self.topics().committed.insert(place, next);
        }
    }

    /// The broker comes back without its last records.
    pub fn lose(&self, place: Place, count: usize) {
        let mut topics = self.topics();
        let log = topics.records.get_mut(&place).expect("a partition");
        log.truncate(log.len().saturating_sub(count));
        let end = log.len();
        let committed = topics.committed.get_mut(&place).expect("a partition");
        *committed = end.min(*committed);
    }
}

impl Told for Broker {
    async fn tell(&self, events: &[Envelope]) -> Result<(), NotTold> {
        for event in events {
            self.publish(event).await?;
        }
        Ok(())
    }
}

impl Later for Broker {
    fn steps(&self) -> usize {
        LADDER.len()
    }

    async fn put(&self, record: &Record, _: &News, step: usize) -> Result<(), fault::Error> {
        self.sim.step(format!("put off {:?}", record.news)).await;
        let away = || Err(fault::Error::unavailable("The broker is away.", 1));
        if self.sim.fault(20) {
            return away();
        }
        let later = Record {
            attempts: record.attempts + 1,
            due: Some(date(self.sim.now() + LADDER[step])),
            ..record.clone()
        };
        self.append(step + 1, later);
        if self.sim.fault(20) { away() } else { Ok(()) }
    }

    async fn rest(&self, failures: u32) {
        let limit = 50 << failures.min(5);
        self.sim.sleep(1 + self.sim.below(limit)).await;
    }
}
