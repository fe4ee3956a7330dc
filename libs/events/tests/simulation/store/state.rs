use std::collections::{BTreeMap, BTreeSet};

use events::{Batch, Envelope, Position};
use ids::{EventId, TenantId};

use crate::executor::Time;

/// Something of which there is one, or none yet.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Row {
    Inbox(String, EventId),
    Cursor(String),
    /// What waits first of this tenant.
    Parked(String, TenantId),
    /// An idempotency key.
    Key(u64),
    Thing(String),
    Lease,
}

#[derive(Debug, Clone)]
pub enum Write {
    Event(Envelope),
    Inbox(String, EventId),
    Cursor(String, Position),
    Effect(Effect),
    Letter(String, EventId, String),
    Park(String, Envelope),
    /// Up to here.
    Unpark(String, TenantId, Position),
    Blame(String, TenantId, Position),
    Key(u64),
    Thing(String),
    Lease(Lease),
    Led(i64),
}

/// What a consumer wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    pub event: EventId,
    pub subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    pub holder: u64,
    pub epoch: i64,
    pub until: Time,
}

/// Work that is not ended.
#[derive(Default)]
struct Open {
    xact: Option<u64>,
    writes: Vec<Write>,
    locks: BTreeSet<Row>,
    waits_for: Option<u64>,
    /// The connection is gone; the work went with it.
    cut: bool,
    /// The client is gone, and the server will know by then.
    left: Option<Time>,
}

#[derive(Default)]
pub struct State {
    next_tx: u64,
    next_xact: u64,
    next_seq: i64,
    open: BTreeMap<u64, Open>,
    locks: BTreeMap<Row, u64>,
    /// In order of position.
    pub outbox: BTreeMap<Position, Envelope>,
    pub inbox: BTreeSet<(String, EventId)>,
    pub cursors: BTreeMap<String, Position>,
    /// In the order of commits.
    pub effects: Vec<Effect>,
    pub letters: BTreeMap<(String, EventId), String>,
    /// By consumer, tenant and place, with the number of attempts.
    pub parked: BTreeMap<(String, TenantId, Position), (Envelope, u32)>,
    /// The keys of this tenant are away.
    pub keyless: Option<TenantId>,
    pub keys: BTreeSet<u64>,
    /// How often each was changed.
    pub things: BTreeMap<String, u64>,
    pub lease: Option<Lease>,
    /// The epochs under which something was done, in the order of commits.
    pub led: Vec<i64>,
}

/// What came of wanting a row.
pub enum Wanted {
    Mine,
    Wait,
    /// Each would wait for the other.
    Deadlock,
}

impl State {
    pub fn new() -> Self {
        Self {
            next_xact: 1,
            next_seq: 1,
            ..Self::default()
        }
    }

    pub fn begin(&mut self) -> u64 {
        self.next_tx += 1;
        self.open.insert(self.next_tx, Open::default());
        self.next_tx
    }

    pub fn is_cut(&self, tx: u64) -> bool {
        self.open.get(&tx).is_none_or(|open| open.cut)
    }

    /// The number of the transaction, which it has from its first write or lock on.
    pub fn xact(&mut self, tx: u64) -> u64 {
        let next = &mut self.next_xact;
        let open = self.open.get_mut(&tx).expect("an open transaction");
        *open.xact.get_or_insert_with(|| {
            *next += 1;
            *next - 1
        })
    }

    pub fn seq(&mut self) -> i64 {
        self.next_seq += 1;
        self.next_seq - 1
    }

    pub fn write(&mut self, tx: u64, write: Write) {
        self.xact(tx);
        self.open.get_mut(&tx).expect("an open transaction").writes.push(write);
    }

    pub fn wrote(&self, tx: u64, is: impl Fn(&Write) -> bool) -> bool {
        self.open[&tx].writes.iter().any(is)
    }

    /// Wants the row until the transaction ends.
    pub fn want(&mut self, tx: u64, row: &Row) -> Wanted {
        let holder = *self.locks.entry(row.clone()).or_insert(tx);
        if holder == tx {
            self.xact(tx);
            let open = self.open.get_mut(&tx).expect("an open transaction");
            open.locks.insert(row.clone());
            open.waits_for = None;
            return Wanted::Mine;
        }
        self.open.get_mut(&tx).expect("an open transaction").waits_for = Some(holder);
        let mut next = Some(holder);
        while let Some(other) = next {
            if other == tx {
                return Wanted::Deadlock;
            }
            next = self.open.get(&other).and_then(|open| open.waits_for);
        }
        Wanted::Wait
    }

    pub fn is_held_by_another(&self, tx: u64, row: &Row) -> bool {
        self.locks.get(row).is_some_and(|holder| *holder != tx)
    }

    /// The oldest transaction that may still write, or the next to come.
    pub fn horizon(&self) -> u64 {
        let running = self.open.values().filter_map(|open| open.xact);
        running.min().unwrap_or(self.next_xact)
    }

    pub fn next(&self, after: Position, limit: usize) -> Batch {
        let horizon = self.horizon();
        let behind = self.outbox.range(after..).filter(|(at, _)| **at > after).take(limit);
        let (settled, rest): (Vec<_>, Vec<_>) = behind.partition(|(at, _)| at.xact < horizon);
        Batch {
            events: settled.into_iter().map(|(_, event)| event.clone()).collect(),
            held: !rest.is_empty(),
        }
    }

    /// As many would read it: what has the next numbers and is there.
    pub fn next_by_sequence(&self, after: Position, limit: usize) -> Batch {
        let mut behind: Vec<&Envelope> = self.outbox.values().collect();
        behind.retain(|event| event.position.seq > after.seq);
        behind.sort_by_key(|event| event.position.seq);
        Batch {
            events: behind.into_iter().take(limit).cloned().collect(),
            held: false,
        }
    }

    pub fn commit(&mut self, tx: u64) {
        for write in self.end(tx) {
            match write {
                Write::Event(event) => drop(self.outbox.insert(event.position, event)),
                Write::Inbox(consumer, event) => drop(self.inbox.insert((consumer, event))),
                Write::Cursor(consumer, to) => drop(self.cursors.insert(consumer, to)),
                Write::Effect(effect) => self.effects.push(effect),
                Write::Letter(consumer, event, kind) => {
                    self.letters.entry((consumer, event)).or_insert(kind);
                }
                Write::Park(consumer, event) => {
                    self.parked.insert((consumer, event.tenant, event.position), (event, 0));
                }
                Write::Unpark(consumer, tenant, to) => self
                    .parked
                    .retain(|(by, of, at), _| *by != consumer || *of != tenant || *at > to),
                Write::Blame(consumer, tenant, at) => {
                    if let Some((_, attempts)) = self.parked.get_mut(&(consumer, tenant, at)) {
                        *attempts += 1;
                    }
                }
                Write::Key(key) => drop(self.keys.insert(key)),
                Write::Thing(name) => *self.things.entry(name).or_default() += 1,
                Write::Lease(lease) => self.lease = Some(lease),
                Write::Led(epoch) => self.led.push(epoch),
            }
        }
    }

    pub fn roll_back(&mut self, tx: u64) {
        self.end(tx);
    }

    fn end(&mut self, tx: u64) -> Vec<Write> {
        let Some(open) = self.open.remove(&tx) else {
            return Vec::new();
        };
        for row in &open.locks {
            self.locks.remove(row);
        }
        open.writes
    }

    /// The connection breaks: its work is rolled back, and whatever is asked on it is refused.
    pub fn cut(&mut self, tx: u64) {
        if self.open.contains_key(&tx) {
            self.end(tx);
            let gone = Open {
                cut: true,
                ..Open::default()
            };
            self.open.insert(tx, gone);
        }
    }

    pub fn cut_all(&mut self) {
        for tx in self.open.keys().copied().collect::<Vec<_>>() {
            self.cut(tx);
        }
    }

    /// The client is gone, which the server learns later.
    pub fn leave(&mut self, tx: u64, until: Time) {
        if let Some(open) = self.open.get_mut(&tx) {
            open.left = Some(until);
        }
    }

    pub fn reap(&mut self, now: Time) {
        let due = |open: &Open| open.left.is_some_and(|until| until <= now);
        let gone: Vec<u64> = self
            .open
            .iter()
            .filter(|(_, open)| due(open))
            .map(|(tx, _)| *tx)
            .collect();
        for tx in gone {
            self.roll_back(tx);
        }
    }
}
