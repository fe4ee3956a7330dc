use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use db::Result;
use events::step::{Page, Parked};
use events::{Batch, Envelope, Position};
use ids::{EventId, TenantId};

use super::state::{Effect, Lease, Row, Wanted, Write};
use super::{Store, away, date};
use crate::executor::Time;
use crate::mutant::Mutant;

/// One transaction.
pub struct Tx {
    store: Store,
    id: u64,
    began: Time,
    drafts: Vec<Envelope>,
    /// The commit is asked for, and the answer is not here yet.
    under_way: bool,
}

impl Tx {
    pub fn new(store: Store) -> Self {
        let (id, began) = (store.state().begin(), store.sim.now());
        Self {
            store,
            id,
            began,
            drafts: Vec::new(),
            under_way: false,
        }
    }

    /// Asks the server for something, which may be the last that is heard of it.
    async fn ask(&self, what: &str) -> Result<()> {
        self.store.sim.step(format!("{what} [{}]", self.id)).await;
        if self.store.sim.fault(120) {
            self.store.sim.suffer("a connection breaks");
            self.store.state().cut(self.id);
        }
        if self.store.state().is_cut(self.id) {
            Err(away())
        } else {
            Ok(())
        }
    }

    /// Waits until the row is its own, or is there because somebody else was first.
    async fn want(&self, row: &Row) -> Result<()> {
        loop {
            let wanted = self.store.state().want(self.id, row);
            match wanted {
                Wanted::Mine => return Ok(()),
                Wanted::Wait => self.ask(&format!("waits for {row:?}")).await?,
                Wanted::Deadlock => {
                    self.store.sim.suffer("a deadlock");
                    self.store.state().cut(self.id);
                    return Err(db::Error::Busy(sqlx::Error::PoolTimedOut));
                }
            }
            self.store.sim.sleep(2).await;
        }
    }

    fn write(&self, write: Write) {
        self.store.state().write(self.id, write);
    }

    /// Hands on an event with the commit.
    pub fn emit(&mut self, event: Envelope) {
        self.drafts.push(event);
    }

    /// Writes an event now.
    pub async fn insert(&mut self, mut event: Envelope) -> Result<Position> {
        self.ask(&format!("event {}", event.data)).await?;
        let mut state = self.store.state();
        event.position = Position {
            xact: state.xact(self.id),
            seq: state.seq(),
        };
        let position = event.position;
        state.write(self.id, Write::Event(event));
        Ok(position)
    }

    /// True the first time a client asks for this.
    pub async fn first_asked(&mut self, key: u64) -> Result<bool> {
        self.ask(&format!("key {key}")).await?;
        self.want(&Row::Key(key)).await?;
        if self.store.state().keys.contains(&key) {
            return Ok(false);
        }
        self.write(Write::Key(key));
        Ok(true)
    }

    pub async fn change(&mut self, thing: &str) -> Result<()> {
        self.ask(&format!("change {thing}")).await?;
        self.want(&Row::Thing(thing.to_owned())).await?;
        self.write(Write::Thing(thing.to_owned()));
        Ok(())
    }

    pub async fn effect(&mut self, event: &Envelope) -> Result<()> {
        self.ask(&format!("effect of {}", event.data)).await?;
        self.write(Write::Effect(Effect {
            event: event.id,
            subject: event.subject.clone(),
        }));
        Ok(())
    }

    /// As `compute.leases` is taken or renewed: the time is that of the transaction's begin.
    pub async fn take_lease(&mut self, holder: u64, ttl: Time) -> Result<Option<i64>> {
        self.ask("take the lease").await?;
        self.want(&Row::Lease).await?;
        let found = self.store.state().lease;
        let epoch = match found {
            None => 1,
            Some(lease) if lease.holder == holder && lease.until > self.began => lease.epoch,
            Some(lease) if lease.holder == holder || lease.until <= self.began => lease.epoch + 1,
            Some(_) => return Ok(None),
        };
        let until = self.began + ttl;
        self.write(Write::Lease(Lease { holder, epoch, until }));
        Ok(Some(epoch))
    }

    /// Whether the lease still is what it was; until this ends nobody else takes it.
    pub async fn holds_lease(&mut self, epoch: i64) -> Result<bool> {
        self.ask("hold the lease").await?;
        self.want(&Row::Lease).await?;
        let found = self.store.state().lease;
        Ok(found.is_some_and(|lease| lease.epoch == epoch && lease.until > self.began))
    }

    pub async fn lead(&mut self, epoch: i64) -> Result<()> {
        self.ask(&format!("lead under {epoch}")).await?;
        self.write(Write::Led(epoch));
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        let sim = self.store.sim.clone();
        if self.under_way && sim.fault(3) {
            sim.suffer("a commit comes to its end without its process");
            self.store.state().commit(self.id);
        } else if sim.fault(3) {
            sim.suffer("the database learns late that a process is gone");
            let until = sim.now() + sim.below(400);
            self.store.state().leave(self.id, until);
        } else {
            self.store.state().roll_back(self.id);
        }
    }
}

impl Page for Tx {
    fn now(&self) -> DateTime<Utc> {
        date(self.began)
    }

    async fn cursor(&mut self, consumer: &str) -> Result<Position> {
        self.ask("cursor").await?;
        Ok(self.store.state().cursors.get(consumer).copied().unwrap_or_default())
    }

    async fn next(&mut self, after: Position, limit: usize) -> Result<Batch> {
        self.ask(&format!("next behind {after}")).await?;
        let state = self.store.state();
        if self.store.switch.makes(Mutant::BySequence) {
            return Ok(state.next_by_sequence(after, limit));
        }
        Ok(state.next(after, limit))
    }

    async fn take_cursor(&mut self, consumer: &str, at: Position) -> Result<bool> {
        self.ask(&format!("take the cursor at {at}")).await?;
        let row = Row::Cursor(consumer.to_owned());
        if at == Position::default() && !self.store.state().cursors.contains_key(consumer) {
            // To insert what somebody else is inserting waits for them.
            self.want(&row).await?;
            if !self.store.state().cursors.contains_key(consumer) {
                self.write(Write::Cursor(consumer.to_owned(), at));
                return Ok(true);
            }
        }
        if self.store.state().is_held_by_another(self.id, &row) {
            return Ok(false);
        }
        self.want(&row).await?;
        Ok(self.store.state().cursors.get(consumer) == Some(&at))
    }

    async fn move_cursor(&mut self, consumer: &str, to: Position) -> Result<()> {
        self.ask(&format!("move the cursor to {to}")).await?;
        self.write(Write::Cursor(consumer.to_owned(), to));
        Ok(())
    }

    async fn hurry(&mut self) -> Result<()> {
        self.ask("hurry").await
    }

    async fn first_time(&mut self, consumer: &str, event: EventId) -> Result<bool> {
        self.ask("inbox").await?;
        if self.store.switch.makes(Mutant::NoInbox) {
            return Ok(true);
        }
        let entry = (consumer.to_owned(), event);
        if self.store.state().inbox.contains(&entry) {
            return Ok(false);
        }
        self.want(&Row::Inbox(entry.0.clone(), event)).await?;
        let again = |write: &Write| matches!(write, Write::Inbox(by, other) if *by == entry.0 && *other == event);
        let state = self.store.state();
        if state.inbox.contains(&entry) || state.wrote(self.id, again) {
            return Ok(false);
        }
        drop(state);
        self.write(Write::Inbox(entry.0, event));
        Ok(true)
    }

    async fn first_times(&mut self, consumer: &str, events: &[EventId]) -> Result<HashSet<EventId>> {
        let mut new = HashSet::new();
        for event in events {
            if self.first_time(consumer, *event).await? {
                new.insert(*event);
            }
        }
        Ok(new)
    }

    async fn is_done(&mut self, consumer: &str, event: EventId) -> Result<bool> {
        self.ask("is it done").await?;
        Ok(self.store.state().inbox.contains(&(consumer.to_owned(), event)))
    }

    async fn lookup(&mut self, named: &[(TenantId, EventId)]) -> Result<HashMap<(TenantId, EventId), Envelope>> {
        self.ask("look up").await?;
        let state = self.store.state();
        let mut found: HashMap<_, _> = state
            .outbox
            .values()
            .map(|event| ((event.tenant, event.id), event))
            .collect();
        found.retain(|pair, _| named.contains(pair));
        Ok(found.into_iter().map(|(pair, event)| (pair, event.clone())).collect())
    }

    async fn bury(&mut self, consumer: &str, event: &Envelope, _: &str, _: u32) -> Result<()> {
        self.ask(&format!("bury {}", event.data)).await?;
        self.write(Write::Letter(consumer.to_owned(), event.id, event.kind.clone()));
        Ok(())
    }

    async fn parked(&mut self, consumer: &str, tenants: &[TenantId]) -> Result<HashSet<TenantId>> {
        self.ask("who waits").await?;
        if self.store.switch.makes(Mutant::NoQueue) {
            return Ok(HashSet::new());
        }
        let state = self.store.state();
        let waits = |tenant: &&TenantId| {
            let own =
                |write: &Write| matches!(write, Write::Park(by, event) if by == consumer && event.tenant == **tenant);
            let there = state.parked.keys().any(|(by, of, _)| by == consumer && of == *tenant);
            there || state.wrote(self.id, own)
        };
        Ok(tenants.iter().filter(waits).copied().collect())
    }

    async fn park(&mut self, consumer: &str, event: &Envelope) -> Result<()> {
        self.ask(&format!("park {}", event.data)).await?;
        self.store.sim.suffer("keys are away");
        self.write(Write::Park(consumer.to_owned(), event.clone()));
        Ok(())
    }

    async fn claim_parked(&mut self, consumer: &str, tenant: TenantId, limit: usize) -> Result<Vec<Parked>> {
        self.ask("claim what waits").await?;
        let row = Row::Parked(consumer.to_owned(), tenant);
        if self.store.state().is_held_by_another(self.id, &row) {
            return Ok(Vec::new());
        }
        self.want(&row).await?;
        self.ask("read what waits").await?;
        let state = self.store.state();
        let waiting = state
            .parked
            .iter()
            .filter(|((by, of, _), _)| by == consumer && *of == tenant);
        let parked = waiting.map(|(_, (event, attempts))| Parked {
            event: event.clone(),
            attempts: *attempts,
        });
        Ok(parked.take(limit).collect())
    }

    async fn remove_parked(&mut self, consumer: &str, tenant: TenantId, to: Position) -> Result<()> {
        self.ask("what waited goes").await?;
        self.write(Write::Unpark(consumer.to_owned(), tenant, to));
        Ok(())
    }

    async fn blame_parked(&mut self, consumer: &str, event: &Envelope) -> Result<()> {
        self.ask("what waits failed").await?;
        self.write(Write::Blame(consumer.to_owned(), event.tenant, event.position));
        Ok(())
    }

    async fn commit(mut self) -> Result<()> {
        for event in std::mem::take(&mut self.drafts) {
            self.insert(event).await?;
        }
        self.under_way = true;
        self.ask("commit").await?;
        self.store.state().commit(self.id);
        self.under_way = false;
        self.store.sim.step(format!("committed [{}]", self.id)).await;
        if self.store.sim.fault(60) {
            self.store.sim.suffer("the answer to a commit is lost");
            return Err(away());
        }
        Ok(())
    }

    async fn roll_back(self) -> Result<()> {
        self.ask("roll back").await?;
        self.store.state().roll_back(self.id);
        Ok(())
    }
}
