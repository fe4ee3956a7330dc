//! What a run takes for granted about the database, of the pretended one and of the real one alike.

use std::time::Duration;

use db::{Db, Reason, SystemTx};
use events::step::{Ledger, Page};
use events::{Batch, Envelope, Position};
use ids::{EventId, TenantId};
use testkit::Bench;

use crate::executor::Sim;
use crate::mutant::Switch;
use crate::store::{Store, Tx, date};

/// A database to be held against the contract.
trait Kept {
    type Ledger: Ledger;

    fn ledger(&self) -> &Self::Ledger;

    /// Writes an event in a transaction that stays open.
    async fn write(&self, tx: &mut <Self::Ledger as Ledger>::Tx, name: &str);

    /// Lets others go on before it is asked again.
    async fn wait(&self);

    async fn begin(&self) -> <Self::Ledger as Ledger>::Tx {
        self.ledger().begin(Reason::Relay).await.unwrap()
    }

    async fn look(&self, after: Position) -> Batch {
        self.begin().await.next(after, 100).await.unwrap()
    }

    /// The feed, once so many can be read: transactions of others may hold it back for a while.
    async fn feed(&self, count: usize) -> Vec<Envelope> {
        for _ in 0..1_000 {
            let batch = self.look(Position::default()).await;
            if batch.events.len() >= count {
                return batch.events;
            }
            assert!(batch.held, "nothing is held back and {count} cannot be read: {batch:?}");
            self.wait().await;
        }
        panic!("{count} events cannot be read");
    }
}

fn names(events: &[Envelope]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event.data["name"].as_str().unwrap())
        .collect()
}

struct Pretended(Store);

impl Kept for Pretended {
    type Ledger = Store;

    fn ledger(&self) -> &Store {
        &self.0
    }

    async fn write(&self, tx: &mut Tx, name: &str) {
        let number = u128::from(self.0.sim.below(u64::MAX));
        let event = Envelope {
            id: EventId::from_uuid(uuid::Uuid::from_u128(number)),
            tenant: TenantId::from_uuid(uuid::Uuid::from_u128(7)),
            position: Position::default(),
            kind: "thing.happened".to_owned(),
            version: 1,
            subject: "thing:1".to_owned(),
            project: None,
            request: None,
            data: serde_json::json!({"name": name}),
            time: date(0),
        };
        tx.insert(event).await.unwrap();
    }

    async fn wait(&self) {
        self.0.sim.sleep(10).await;
    }
}

struct Real {
    db: Db,
    tenant: TenantId,
    _bench: Bench,
}

impl Kept for Real {
    type Ledger = Db;

    fn ledger(&self) -> &Db {
        &self.db
    }

    async fn write(&self, tx: &mut SystemTx, name: &str) {
        sqlx::query(
            "insert into bus.outbox (tenant_id, event_id, kind, subject, data, time)
             values ($1, gen_random_uuid(), 'thing.happened', 'thing:1', jsonb_build_object('name', $2::text), now())",
        )
        .bind(self.tenant)
        .bind(name)
        .execute(tx.sql())
        .await
        .unwrap();
    }

    async fn wait(&self) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The same on both.
macro_rules! on_both {
    ($($name:ident),+ $(,)?) => {
        mod pretended {
            $(#[test]
            fn $name() {
                let sim = crate::executor::Sim::new(1, false);
                let kept = super::pretended(&sim);
                sim.alone(async move { super::$name(&kept).await });
            })+
        }
        mod real {
            $(#[tokio::test]
            async fn $name() {
                super::$name(&super::real().await).await;
            })+
        }
    };
}

on_both! {
    what_is_open_is_seen_by_nobody_and_what_is_rolled_back_never,
    a_lower_number_that_commits_later_comes_first_and_nothing_overtakes_it,
    whoever_only_reads_holds_nothing_back,
    two_changes_of_one_thing_stand_in_the_order_of_their_transactions,
    an_inbox_row_is_one_and_the_second_waits_for_the_first,
    a_cursor_is_one_mans_and_moves_with_the_commit,
    records_name_events_by_tenant_and_id,
    what_waits_is_taken_by_one_from_its_head_and_in_order,
}

fn pretended(sim: &Sim) -> Pretended {
    Pretended(Store::new(sim.clone(), Switch::default()))
}

async fn real() -> Real {
    let bench = Bench::new().await;
    Real {
        db: bench.db("compute"),
        tenant: TenantId::mint(),
        _bench: bench,
    }
}

async fn what_is_open_is_seen_by_nobody_and_what_is_rolled_back_never(kept: &impl Kept) {
    let mut first = kept.begin().await;
    kept.write(&mut first, "first").await;
    let mut never = kept.begin().await;
    kept.write(&mut never, "never").await;
    assert!(kept.look(Position::default()).await.events.is_empty());
    drop(never);
    first.commit().await.unwrap();
    assert_eq!(names(&kept.feed(1).await), ["first"]);
    let mut last = kept.begin().await;
    kept.write(&mut last, "last").await;
    last.commit().await.unwrap();
    assert_eq!(names(&kept.feed(2).await), ["first", "last"]);
}

async fn a_lower_number_that_commits_later_comes_first_and_nothing_overtakes_it(kept: &impl Kept) {
    let mut early = kept.begin().await;
    kept.write(&mut early, "early").await;
    let mut late = kept.begin().await;
    kept.write(&mut late, "late").await;
    late.commit().await.unwrap();
    let batch = kept.look(Position::default()).await;
    assert!(batch.events.is_empty() && batch.held, "{batch:?}");
    // A number in the table that is greater than that of what was committed before.
    kept.write(&mut early, "early again").await;
    early.commit().await.unwrap();
    let feed = kept.feed(3).await;
    assert_eq!(names(&feed), ["early", "early again", "late"]);
    let places: Vec<Position> = feed.iter().map(|event| event.position).collect();
    assert!(places.is_sorted() && places[1].seq > places[2].seq, "{places:?}");
    let behind = kept.look(places[0]).await;
    assert_eq!(names(&behind.events), ["early again", "late"]);
}

async fn whoever_only_reads_holds_nothing_back(kept: &impl Kept) {
    let mut reader = kept.begin().await;
    assert_eq!(reader.cursor("test").await.unwrap(), Position::default());
    let mut writer = kept.begin().await;
    kept.write(&mut writer, "one").await;
    writer.commit().await.unwrap();
    assert_eq!(names(&kept.feed(1).await), ["one"]);
    // Each statement sees what is committed by then.
    assert_eq!(reader.next(Position::default(), 100).await.unwrap().events.len(), 1);
}

/// The feed's order is that of the transactions' numbers, and a transaction has its number from its first write on. Of two
/// that change the same thing, the one that waited for the other may have the lower number: its event comes first.
async fn two_changes_of_one_thing_stand_in_the_order_of_their_transactions(kept: &impl Kept) {
    let thing = EventId::mint();
    let mut second = kept.begin().await;
    kept.write(&mut second, "something else").await;
    let mut first = kept.begin().await;
    assert!(first.first_time("thing", thing).await.unwrap());
    kept.write(&mut first, "changed first").await;
    let waits = async {
        assert!(!second.first_time("thing", thing).await.unwrap());
        kept.write(&mut second, "changed second").await;
        second.commit().await.unwrap();
    };
    let ends = async {
        kept.wait().await;
        first.commit().await.unwrap();
    };
    futures::join!(waits, ends);
    let feed = kept.feed(3).await;
    assert_eq!(names(&feed), ["something else", "changed second", "changed first"]);
}

async fn an_inbox_row_is_one_and_the_second_waits_for_the_first(kept: &impl Kept) {
    let event = EventId::mint();
    let (mut first, mut second) = (kept.begin().await, kept.begin().await);
    assert!(first.first_time("test", event).await.unwrap());
    assert!(!first.first_time("test", event).await.unwrap(), "its own counts");
    assert!(
        first.first_time("other", event).await.unwrap(),
        "each consumer has its own"
    );
    let rolls_back = async {
        kept.wait().await;
        drop(first);
    };
    let (again, ()) = futures::join!(second.first_time("test", event), rolls_back);
    assert!(again.unwrap(), "what was rolled back was not done");

    let mut third = kept.begin().await;
    let commits = async {
        kept.wait().await;
        second.commit().await.unwrap();
    };
    let (again, ()) = futures::join!(third.first_time("test", event), commits);
    assert!(!again.unwrap());
    assert!(third.is_done("test", event).await.unwrap() && !third.is_done("other", event).await.unwrap());
}

async fn a_cursor_is_one_mans_and_moves_with_the_commit(kept: &impl Kept) {
    let (start, here) = (Position::default(), Position { xact: 5, seq: 2 });
    let mut made = kept.begin().await;
    assert!(made.take_cursor("test", start).await.unwrap());
    made.commit().await.unwrap();

    let (mut holder, mut other) = (kept.begin().await, kept.begin().await);
    assert!(holder.take_cursor("test", start).await.unwrap());
    assert!(
        !other.take_cursor("test", start).await.unwrap(),
        "and nobody waits for it"
    );
    holder.move_cursor("test", here).await.unwrap();
    assert_eq!(other.cursor("test").await.unwrap(), start);
    holder.commit().await.unwrap();
    assert_eq!(other.cursor("test").await.unwrap(), here);
    assert!(
        !other.take_cursor("test", start).await.unwrap(),
        "it is not there any more"
    );
    other.roll_back().await.unwrap();

    let mut next = kept.begin().await;
    assert!(next.take_cursor("test", here).await.unwrap());
    next.move_cursor("test", Position { xact: 9, seq: 9 }).await.unwrap();
    drop(next);
    assert_eq!(kept.begin().await.cursor("test").await.unwrap(), here);
}

async fn what_waits_is_taken_by_one_from_its_head_and_in_order(kept: &impl Kept) {
    let mut tx = kept.begin().await;
    for name in ["one", "two", "three"] {
        kept.write(&mut tx, name).await;
    }
    tx.commit().await.unwrap();
    let feed = kept.feed(3).await;
    let (tenant, stranger) = (feed[0].tenant, TenantId::mint());
    let mut tx = kept.begin().await;
    for event in feed.iter().rev() {
        tx.park("test", event).await.unwrap();
    }
    assert!(
        kept.begin().await.parked("test", &[tenant]).await.unwrap().is_empty(),
        "not before it is committed"
    );
    assert_eq!(tx.parked("test", &[tenant, stranger]).await.unwrap(), [tenant].into());
    tx.commit().await.unwrap();

    let mut holder = kept.begin().await;
    assert!(holder.parked("other", &[tenant]).await.unwrap().is_empty());
    let waiting = holder.claim_parked("test", tenant, 2).await.unwrap();
    let events: Vec<Envelope> = waiting.into_iter().map(|parked| parked.event).collect();
    assert_eq!(names(&events), ["one", "two"]);
    assert!(
        kept.begin()
            .await
            .claim_parked("test", tenant, 9)
            .await
            .unwrap()
            .is_empty(),
        "its head is held"
    );
    holder.remove_parked("test", tenant, events[1].position).await.unwrap();
    holder.commit().await.unwrap();

    let mut next = kept.begin().await;
    let waiting = next.claim_parked("test", tenant, 9).await.unwrap();
    assert_eq!((waiting.len(), waiting[0].attempts), (1, 0));
    assert_eq!(waiting[0].event, feed[2]);
    next.blame_parked("test", &waiting[0].event).await.unwrap();
    next.commit().await.unwrap();
    let mut last = kept.begin().await;
    assert_eq!(last.claim_parked("test", tenant, 9).await.unwrap()[0].attempts, 1);
    last.remove_parked("test", tenant, feed[2].position).await.unwrap();
    last.commit().await.unwrap();
    assert!(kept.begin().await.parked("test", &[tenant]).await.unwrap().is_empty());
}

async fn records_name_events_by_tenant_and_id(kept: &impl Kept) {
    let mut tx = kept.begin().await;
    kept.write(&mut tx, "one").await;
    tx.commit().await.unwrap();
    let event = kept.feed(1).await.remove(0);
    let mut tx = kept.begin().await;
    let (true_one, foreign) = ((event.tenant, event.id), (TenantId::mint(), event.id));
    let found = tx.lookup(&[foreign, true_one]).await.unwrap();
    assert_eq!((found.len(), found.get(&true_one)), (1, Some(&event)));
}
