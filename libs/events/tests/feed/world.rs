//! A database with events to be and a table that shows effects.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use db::{Db, Event, Reason, SystemTx};
use events::{ATTEMPTS, Consumer, Envelope, Feed, Kafka};
use ids::ProjectId;
use serde::Serialize;
use testkit::{Bench, TestTenant, eventually};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Which feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Postgres,
    Kafka,
}

pub struct World {
    pub bench: Bench,
    pub shape: Shape,
    /// As consumers of this world use it.
    pub kafka: Kafka,
    pub db: Db,
    pub tenant: TestTenant,
    pub running: JoinSet<()>,
}

#[derive(Serialize)]
pub struct Thing {
    pub name: String,
}

impl Event for Thing {
    const KIND: &'static str = "thing.happened";

    fn subject(&self) -> String {
        "thing:1".to_owned()
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}

/// The same from a later release.
#[derive(Serialize)]
pub struct NewThing {
    pub name: String,
}

impl Event for NewThing {
    const KIND: &'static str = Thing::KIND;
    const VERSION: u32 = 2;

    fn subject(&self) -> String {
        "thing:1".to_owned()
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}

pub fn thing(name: impl ToString) -> Thing {
    Thing { name: name.to_string() }
}

pub fn named(event: &Envelope) -> &str {
    event.data["name"].as_str().unwrap_or_default()
}

impl World {
    /// With everything a consumer hears of; over Kafka a relay runs.
    pub async fn new(shape: Shape) -> Self {
        let mut world = Self::on(Bench::new().await, shape).await;
        if shape == Shape::Kafka {
            world.relay();
        }
        world
    }

    pub async fn on(bench: Bench, shape: Shape) -> Self {
        sqlx::raw_sql(
            "create table public.effects (n bigint generated always as identity, event_id uuid, name text);
             grant select, insert on public.effects to yunshu_system;",
        )
        .execute(&mut bench.superuser().await)
        .await
        .unwrap();
        let (db, tenant) = (bench.db("compute"), bench.tenant("acme").await);
        Self {
            bench,
            shape,
            kafka: crate::broker::settings(shape),
            db,
            tenant,
            running: JoinSet::new(),
        }
    }

    pub async fn happens(&self, name: impl ToString) {
        // Where a test cuts connections, the first word on one that was cut is an error, and nothing was done.
        let mut tx = eventually("a transaction", async || self.db.system(Reason::Reconcile).await.ok()).await;
        tx.emit(self.tenant.id, &thing(name)).unwrap();
        tx.commit().await.unwrap();
    }

    /// Runs a consumer on a pool of its own, as another process would.
    pub fn run(&mut self, consumer: impl Consumer) -> tokio::task::AbortHandle {
        let db = self.bench.db("compute");
        let run = events::run(self.feed(), db, consumer, CancellationToken::new());
        self.running.spawn(run)
    }

    /// Tells the feed what is committed.
    pub fn relay(&mut self) -> tokio::task::AbortHandle {
        let db = self.bench.db("compute");
        let relay = events::relay(self.feed(), db, CancellationToken::new());
        self.running.spawn(relay)
    }

    pub fn feed(&self) -> Feed {
        match self.shape {
            Shape::Postgres => Feed::postgres(),
            Shape::Kafka => Feed::kafka(self.kafka.clone()),
        }
    }

    /// How often what fails is tried.
    pub fn attempts(&self) -> u32 {
        match self.shape {
            Shape::Postgres => ATTEMPTS,
            Shape::Kafka => u32::try_from(self.kafka.ladder.len() + 1).unwrap(),
        }
    }

    /// How often a test kills: to join a group takes its time.
    pub const fn rounds(&self) -> u64 {
        match self.shape {
            Shape::Postgres => 30,
            Shape::Kafka => 6,
        }
    }

    /// Names of the effects, in the order in which they were written.
    pub async fn effects(&self) -> Vec<String> {
        sqlx::query_scalar("select name from public.effects order by n")
            .fetch_all(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    pub async fn eventually_effects(&self, expected: &[&str]) {
        eventually("the effects", async || {
            (self.effects().await.len() >= expected.len()).then_some(())
        })
        .await;
        assert_eq!(self.effects().await, expected);
    }

    /// Names in the feed's own order.
    pub async fn feed_order(&self) -> Vec<String> {
        sqlx::query_scalar("select data ->> 'name' from bus.outbox where kind = 'thing.happened' order by xact, seq")
            .fetch_all(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    pub async fn dead_letters(&self) -> Vec<(String, String, i32)> {
        sqlx::query_as("select coalesce(data ->> 'name', ''), cause, attempts from bus.dead_letters order by died_at")
            .fetch_all(&mut self.bench.superuser().await)
            .await
            .unwrap()
    }

    pub async fn eventually_dead(&self) -> Vec<(String, String, i32)> {
        eventually("a dead letter", async || {
            Some(self.dead_letters().await).filter(|dead| !dead.is_empty())
        })
        .await
    }

    /// Asks for every dead letter to be applied again, as an operator would.
    pub async fn ask_again(&self) {
        sqlx::query("update bus.dead_letters set replay_at = now()")
            .execute(&mut self.bench.superuser().await)
            .await
            .unwrap();
    }

    /// Ends every connection of the role that reads the feed, as a crash of the server would, and waits for their ends.
    pub async fn cut_connections(&self) {
        sqlx::query(
            "select pg_terminate_backend(pid, 10000) from pg_stat_activity
             where datname = current_database() and usename = 'yunshu_system'",
        )
        .execute(&mut self.bench.superuser().await)
        .await
        .unwrap();
    }
}

pub async fn effect(tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
    sqlx::query("insert into public.effects (event_id, name) values ($1, $2)")
        .bind(event.id)
        .bind(named(event))
        .execute(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(())
}

/// Writes an effect per event.
pub struct Writer;

impl Consumer for Writer {
    const NAME: &'static str = "test";

    fn wants(&self, kind: &str) -> bool {
        kind == Thing::KIND
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        effect(tx, event).await
    }
}

/// Writes an effect and then, on the event of that name (or on each, without one), does what the test says, by how often
/// it did so before.
pub struct Faulty<F> {
    pub tried: Arc<AtomicU32>,
    pub on: &'static str,
    pub then: F,
}

impl<F, R> Consumer for Faulty<F>
where
    F: Fn(u32) -> R + Send + Sync + 'static,
    R: Future<Output = Result<(), fault::Error>> + Send,
{
    const NAME: &'static str = "test";

    fn wants(&self, kind: &str) -> bool {
        kind == Thing::KIND
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        effect(tx, event).await?;
        if !self.on.is_empty() && named(event) != self.on {
            return Ok(());
        }
        let tried = self.tried.fetch_add(1, Ordering::SeqCst) + 1;
        tx.emit(event.tenant, &Followed {})?;
        (self.then)(tried).await
    }
}

/// What a consumer hands on.
#[derive(Serialize)]
pub struct Followed {}

impl Event for Followed {
    const KIND: &'static str = "thing.followed";

    fn subject(&self) -> String {
        "thing:1".to_owned()
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}
