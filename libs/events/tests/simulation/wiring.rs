//! The processes of a run: the product's steps in loops, and around them what only pretends.

use std::sync::{Arc, Mutex, PoisonError};

use db::Reason;
use events::step::{Ledger, Next, Page, Settler, Trouble, relay, round, unpark};
use events::{Consumer, Envelope, Failed, Position};
use ids::{EventId, TenantId};

use crate::broker::{Broker, Place, places};
use crate::executor::{Process, Sim, Time};
use crate::mutant::Mutant;
use crate::store::{Store, Tx, away, date};

pub const CLIENTS: u64 = 3;
const THINGS: u64 = 3;
const ASKED: u64 = 12;
const TTL: Time = 400;
/// How far behind consumers look for what the broker lost.
const LATE: std::time::Duration = std::time::Duration::from_secs(3);

/// What is known outside, whatever becomes of the processes.
#[derive(Default)]
pub struct Oracle {
    /// Told to be done.
    pub acknowledged: Vec<EventId>,
    /// Told to be refused.
    pub refused: Vec<EventId>,
}

#[derive(Clone)]
pub struct World {
    pub sim: Sim,
    pub store: Store,
    pub broker: Broker,
    pub oracle: Arc<Mutex<Oracle>>,
    /// Some events can be applied by nobody.
    pub poison: bool,
}

pub struct Applier(Sim, Store);

pub const NAME: &str = "applier";
pub const POISON: &str = "poison";

impl Consumer<Tx> for Applier {
    const NAME: &'static str = NAME;
    const SEALS: bool = true;

    fn wants(&self, kind: &str) -> bool {
        kind == "thing.happened"
    }

    async fn apply(&self, tx: &mut Tx, event: &Envelope) -> Result<(), fault::Error> {
        if self.1.state().keyless == Some(event.tenant) && self.0.fault(2) {
            // They were held when it began.
            return Err(fault::Error::unavailable("Keys are away.", 1));
        }
        tx.effect(event).await?;
        if event.data[POISON] == true {
            return Err(fault::Error::internal("poison"));
        }
        if self.0.fault(60) {
            return Err(fault::Error::unavailable("A part is away.", 1));
        }
        Ok(())
    }

    /// Does not say at which it failed: the product finds that out.
    async fn apply_all(&self, tx: &mut Tx, events: &[&Envelope]) -> Result<(), Failed> {
        for event in events {
            self.apply(tx, event).await?;
        }
        Ok(())
    }
}

/// One whose keys are always there, and one who takes them away.
fn tenant(keeps_its_own: bool) -> TenantId {
    TenantId::from_uuid(uuid::Uuid::from_u128(if keeps_its_own { 8 } else { 7 }))
}

impl World {
    pub fn oracle(&self) -> std::sync::MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pause(&self, next: Next) {
        let pause = match next {
            Next::AtOnce => return,
            Next::Within(limit) | Next::After(limit) => limit,
        };
        self.sim.sleep(u64::try_from(pause.as_millis()).unwrap()).await;
    }

    async fn rest(&self) {
        self.sim.sleep(1 + self.sim.below(300)).await;
    }

    /// Before the next look: seldom once nothing happens any more, which is most of a run.
    async fn look_again(&self, within: u64) {
        let times = if self.sim.faults() { 1 } else { 40 };
        self.sim.sleep(1 + self.sim.below(within * times)).await;
    }

    /// Somebody who asks for changes one after another, and asks again until there is an answer.
    async fn client(self, number: u64) {
        for asked in 0..ASKED {
            let key = number * 1_000 + asked;
            let refused = self.sim.below(6) == 0;
            let poison = self.poison && self.sim.below(12) == 0;
            let thing = self.sim.below(THINGS);
            let event = Envelope {
                id: EventId::from_uuid(uuid::Uuid::from_u128(u128::from(key) + 1)),
                // The last thing is another tenant's.
                tenant: tenant(thing == THINGS - 1),
                position: Position::default(),
                kind: ["thing.happened", "thing.else"][usize::from(self.sim.below(8) == 0)].to_owned(),
                version: 1,
                subject: format!("thing:{thing}"),
                project: None,
                request: None,
                data: serde_json::json!({"name": key, POISON: poison}),
                time: date(self.sim.now()),
            };
            loop {
                match self.attempt(key, &event, refused).await {
                    Ok(true) => self.oracle().acknowledged.push(event.id),
                    Ok(false) => self.oracle().refused.push(event.id),
                    Err(error) => {
                        self.sim.note(format_args!("asks again for {key}: {error}"));
                        self.rest().await;
                        // Some lose patience and never learn what became of it.
                        if self.sim.fault(8) {
                            break;
                        }
                        continue;
                    }
                }
                break;
            }
            self.sim.sleep(self.sim.below(250)).await;
        }
    }

    /// As every change is made: key, change, event, one commit.
    async fn attempt(&self, key: u64, event: &Envelope, refused: bool) -> db::Result<bool> {
        let store = &self.store;
        let mut event = event.clone();
        event.time = date(self.sim.now());
        let mut tx = store.begin(Reason::Reconcile).await?;
        // Not all write first what others wait for.
        let early = self.sim.below(2) == 0;
        if early && !tx.first_asked(key).await? {
            return Ok(true);
        }
        tx.change(&event.subject).await?;
        if !early && !tx.first_asked(key).await? {
            return Ok(true);
        }
        tx.emit(event.clone());
        if store.switch.makes(Mutant::PublishBeforeCommit) {
            self.broker.publish(&event).await.map_err(|_| away())?;
        }
        if refused {
            return Ok(false);
        }
        match tx.commit().await {
            Err(_) if store.switch.makes(Mutant::NoRetryAfterUnknown) => Ok(true),
            ended => ended.map(|()| true),
        }
    }

    /// Reads the outbox, as `events::run` does.
    async fn reader(self, late: Option<std::time::Duration>) {
        let (applier, mut trouble) = (Applier(self.sim.clone(), self.store.clone()), Trouble::default());
        loop {
            match round(&self.store, &applier, late, &mut trouble).await {
                Ok(next) => self.pause(next).await,
                Err(error) => {
                    self.sim.note(format_args!("the round failed: {error}"));
                    self.rest().await;
                }
            }
        }
    }

    /// Applies what waits for keys, as `events::run` does.
    async fn drainer(self) {
        let applier = Applier(self.sim.clone(), self.store.clone());
        loop {
            for late in [false, true] {
                while let Ok(true) = unpark(&self.store, &applier, tenant(late)).await {}
            }
            self.look_again(200).await;
        }
    }

    /// Tells the broker, as `events::relay` does.
    async fn relay(self) {
        let mut failures = 0;
        loop {
            let mut mine = None;
            while let Ok(next) = relay(&self.store, &self.broker, &mut mine, &mut failures).await {
                self.pause(next).await;
            }
            self.rest().await;
        }
    }

    /// One member's lane of one partition. One that lost its partition ends what it is at, and is a nuisance meanwhile.
    async fn lane(self, member: u64, place: Place) {
        let broker = &self.broker;
        let settler = Settler::new(
            self.store.clone(),
            broker.clone(),
            Arc::new(Applier(self.sim.clone(), self.store.clone())),
        );
        let (mut since, mut at) = (None, 0);
        loop {
            let owner = broker.owner(place);
            if owner.0 != member {
                self.look_again(50).await;
                continue;
            }
            if since != Some(owner) {
                (since, at) = (Some(owner), broker.committed(place));
            }
            at = at.min(broker.topics().records[&place].len());
            let most = usize::try_from(1 + self.sim.below(8)).unwrap();
            let records = broker.fetch(place, at, if place.0 == 0 { most } else { 1 }).await;
            let Some(last) = records.last() else {
                self.look_again(30).await;
                continue;
            };
            let next = usize::try_from(last.offset).unwrap() + 1;
            while let Some(due) = last.due.filter(|due| *due > date(self.sim.now())) {
                let wait = (due - date(self.sim.now())).num_milliseconds();
                self.sim.sleep(wait.unsigned_abs()).await;
            }
            if self.store.switch.makes(Mutant::OffsetFirst) {
                broker.commit(place, next, owner).await;
            }
            settler.settle(&records).await;
            at = next;
            broker.commit(place, next, owner).await;
        }
    }

    /// Does what only one may do at a time, in the way of `compute::work::tell`.
    async fn leader(self, holder: u64) {
        loop {
            if let Err(error) = self.lead(holder).await {
                self.sim.note(format_args!("leads no more: {error}"));
            }
            self.look_again(300).await;
        }
    }

    async fn lead(&self, holder: u64) -> db::Result<()> {
        let mut tx = self.store.begin(Reason::Reconcile).await?;
        let lease = tx.take_lease(holder, TTL).await?;
        tx.commit().await?;
        let Some(epoch) = lease else { return Ok(()) };
        for _ in 0..4 {
            self.sim.sleep(self.sim.below(60)).await;
            let mut tx = self.store.begin(Reason::Reconcile).await?;
            if !self.store.switch.makes(Mutant::NoEpochCheck) && !tx.holds_lease(epoch).await? {
                return Ok(());
            }
            tx.lead(epoch).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// What goes wrong outside of the processes.
    async fn trouble(self, loses: bool) {
        while self.sim.faults() {
            self.sim.sleep(200 + self.sim.below(1_500)).await;
            let keyless = (self.sim.below(2) == 0).then(|| tenant(true));
            self.store.state().keyless = keyless;
            match self.sim.below(if loses { 4 } else { 3 }) {
                0 => {
                    self.sim.suffer("the database restarts");
                    self.store.restart();
                }
                3 => {
                    let place = (0, i32::try_from(self.sim.below(3)).unwrap());
                    self.sim.suffer("the broker loses its last records");
                    self.broker.lose(place, 1 + usize::try_from(self.sim.below(4)).unwrap());
                }
                _ => {
                    for place in places() {
                        let member = self.sim.below(2);
                        self.broker.hand_over(place, member);
                    }
                    self.sim.suffer("members come and go");
                }
            }
        }
        self.store.state().keyless = None;
    }

    /// All of it. With a broker, or without; and one that loses records, or that keeps what it said it has.
    pub fn processes(&self, broker: bool, loses: bool) -> Vec<Process> {
        let mut all = Vec::new();
        let mut add = |name: String, mortal: bool, start: Box<dyn Fn(World) -> crate::executor::Running>| {
            let world = self.clone();
            all.push(Process::new(name, mortal, move || start(world.clone())));
        };
        for number in 0..CLIENTS {
            add(
                format!("client {number}"),
                false,
                Box::new(move |world| Box::pin(world.client(number))),
            );
        }
        for holder in 0..3 {
            add(
                format!("leader {holder}"),
                true,
                Box::new(move |world| Box::pin(world.leader(holder))),
            );
        }
        let readers = if broker { u64::from(loses) } else { 2 };
        for number in 0..readers {
            let late = broker.then_some(LATE);
            add(
                format!("reader {number}"),
                true,
                Box::new(move |world| Box::pin(world.reader(late))),
            );
        }
        for number in 0..2 {
            let name = format!("drainer {number}");
            add(name, true, Box::new(|world| Box::pin(world.drainer())));
        }
        if broker {
            for number in 0..2 {
                if !self.store.switch.is(Mutant::PublishBeforeCommit) {
                    add(
                        format!("relay {number}"),
                        true,
                        Box::new(|world| Box::pin(world.relay())),
                    );
                }
                for place in places() {
                    let name = format!("lane {number} {place:?}");
                    add(name, true, Box::new(move |world| Box::pin(world.lane(number, place))));
                }
            }
        }
        add(
            "trouble".to_owned(),
            false,
            Box::new(move |world| Box::pin(world.trouble(loses))),
        );
        all
    }
}
