//! The benchmark's database: the product's own schema, and beside it a table of effects and the peer's queue.

use anyhow::Context;
use clock::Clock;
use db::{Connect, Db, SystemTx, Wake};
use events::Envelope;
use ids::EventId;
use serde_json::{Value, json};
use sqlx::postgres::{PgConnectOptions, PgListener};
use sqlx::{ConnectOptions, PgConnection};

use crate::place::Place;

const DATABASE: &str = "bench_events";
/// Tenants, and things that happen to each.
const TENANTS: i32 = 20;
const THINGS: i32 = 50;
/// Events of yesterday.
const HISTORY: u32 = 20_000;
/// The kind of all events here.
pub const KIND: &str = "bench.happened";

/// What a statement returns.
pub type Result<T, E = sqlx::Error> = std::result::Result<T, E>;

/// The database, from outside.
pub struct Store {
    connect: Connect,
    options: PgConnectOptions,
    pub sql: PgConnection,
}

impl Store {
    /// Makes it anew.
    pub async fn make(place: &Place) -> anyhow::Result<Self> {
        let server = PgConnectOptions::new_without_pgpass()
            .host(&place.socket)
            .port(place.port)
            .username("postgres");
        let mut admin = server.clone().database("postgres").connect().await?;
        sqlx::raw_sql("drop database if exists bench_events with (force)")
            .execute(&mut admin)
            .await?;
        sqlx::raw_sql("create database bench_events")
            .execute(&mut admin)
            .await?;
        let connect = Connect {
            host: place.socket.clone(),
            port: place.port,
            name: DATABASE.to_owned(),
            secrets: None,
            connections: 20,
            allow_unsafe_version: true,
        };
        let options = server.database(DATABASE);
        let mut sql = options.connect().await?;
        let failed = |error: fault::Error| anyhow::anyhow!("{error:?}");
        db::migrate::roles(&mut sql, &connect).await.map_err(failed)?;
        db::migrate::schema(&mut sql).await.map_err(failed)?;
        sqlx::raw_sql(
            "create table public.effects (event_id uuid, due bigint);
             create table public.jobs (id bigint generated always as identity primary key, event_id uuid, data jsonb);
             grant all on public.effects, public.jobs to yunshu_system;",
        )
        .execute(&mut sql)
        .await?;
        Ok(Self { connect, options, sql })
    }

    /// As a process of its own would reach it.
    pub fn process(&self) -> anyhow::Result<Db> {
        let db = Db::connect(&self.connect, "compute", Clock::system(), Wake::default());
        db.map_err(|error| anyhow::anyhow!("{error:?}"))
    }

    pub async fn another(&self) -> anyhow::Result<PgConnection> {
        Ok(self.options.connect().await?)
    }

    /// As if nothing had happened since yesterday: statements are planned for a table with something in it, as they are on a
    /// platform that runs, and everybody has read what is in it.
    pub async fn clear(&mut self) -> anyhow::Result<()> {
        sqlx::raw_sql("truncate bus.outbox, bus.inbox, bus.cursors, bus.dead_letters, public.effects, public.jobs")
            .execute(&mut self.sql)
            .await?;
        happen(&mut self.sql, HISTORY, 0).await?;
        sqlx::raw_sql(
            "insert into bus.cursors (consumer, xact, seq)
             select reader, xact, seq from (values ('bench'), ('relay')) as readers (reader),
                    (select xact, seq from bus.outbox order by xact desc, seq desc limit 1) as last;
             analyze bus.outbox;
             checkpoint",
        )
        .execute(&mut self.sql)
        .await?;
        Ok(())
    }

    /// Lets so many events happen at once.
    pub async fn fill(&mut self, count: u32) -> anyhow::Result<()> {
        happen(&mut self.sql, count, 0).await?;
        sqlx::raw_sql("analyze bus.outbox").execute(&mut self.sql).await?;
        Ok(())
    }

    /// The same for the peer.
    pub async fn fill_queue(&mut self, count: u32) -> anyhow::Result<()> {
        enqueue(&mut self.sql, count, 0).await?;
        sqlx::raw_sql("analyze public.jobs").execute(&mut self.sql).await?;
        Ok(())
    }

    /// Whether the relay has told of everything.
    pub async fn is_told(&mut self) -> anyhow::Result<bool> {
        let told = sqlx::query_scalar(
            "select exists (select from bus.cursors where consumer = 'relay'
                              and (xact, seq) >= (select xact, seq from bus.outbox order by xact desc, seq desc limit 1))",
        );
        Ok(told.fetch_one(&mut self.sql).await?)
    }

    /// What records of the last events say.
    pub async fn keys(&mut self, last: u32) -> anyhow::Result<Vec<(String, EventId, String)>> {
        let rows: Vec<(String, EventId, String)> = sqlx::query_as(
            "select tenant_id::text || '/' || subject, event_id, tenant_id::text from bus.outbox
             order by xact desc, seq desc limit $1",
        )
        .bind(i64::from(last))
        .fetch_all(&mut self.sql)
        .await?;
        Ok(rows)
    }

    pub async fn effects(&mut self) -> anyhow::Result<u64> {
        let count: i64 = sqlx::query_scalar("select count(*) from public.effects")
            .fetch_one(&mut self.sql)
            .await?;
        Ok(count.unsigned_abs())
    }

    /// Milliseconds from when an event was due to the commit of its effect, of those that were due in this stretch.
    pub async fn late(&mut self, from: i64, to: i64) -> anyhow::Result<Value> {
        let (count, parts): (i64, Option<Vec<f64>>) = sqlx::query_as(
            "select count(*), percentile_disc(array[0.5, 0.99, 1]) within group (order by ms)
             from (select (extract(epoch from pg_xact_commit_timestamp(xmin)) * 1000 - due / 1000.0)::float8 as ms
                   from public.effects where due between $1 and $2) effect",
        )
        .bind(from)
        .bind(to)
        .fetch_one(&mut self.sql)
        .await?;
        let parts = parts.context("there are no effects")?;
        let part = |at: usize| parts.get(at).copied().unwrap_or_default();
        Ok(json!({"effects": count, "p50_ms": part(0), "p99_ms": part(1), "max_ms": part(2)}))
    }

    pub async fn listener(&self) -> anyhow::Result<PgListener> {
        let pool = sqlx::postgres::PgPoolOptions::new().max_connections(1);
        let mut listener = PgListener::connect_with(&pool.connect_lazy_with(self.options.clone())).await?;
        listener.listen("jobs").await?;
        Ok(listener)
    }
}

/// Writes so many events, as if each were a change of its own thing.
pub async fn happen(sql: &mut PgConnection, count: u32, due: i64) -> Result<()> {
    sqlx::query(
        "insert into bus.outbox (tenant_id, event_id, kind, subject, data, time)
         select ('00000000-0000-7000-8000-' || lpad((n % $3)::text, 12, '0'))::uuid, gen_random_uuid(), $2,
                'thing:' || (n / $3 % $4), jsonb_build_object('due', $5::bigint, 'text', repeat('x', 100)), now()
         from generate_series(1, $1) as n",
    )
    .bind(i32::try_from(count).unwrap_or(i32::MAX))
    .bind(KIND)
    .bind(TENANTS)
    .bind(THINGS)
    .bind(due)
    .execute(sql)
    .await?;
    Ok(())
}

/// The same into the peer's queue.
pub async fn enqueue(sql: &mut PgConnection, count: u32, due: i64) -> Result<()> {
    sqlx::query(
        "insert into public.jobs (event_id, data)
         select gen_random_uuid(), jsonb_build_object('due', $2::bigint, 'text', repeat('x', 100))
         from generate_series(1, $1) as n",
    )
    .bind(i32::try_from(count).unwrap_or(i32::MAX))
    .bind(due)
    .execute(sql)
    .await?;
    Ok(())
}

fn due(data: &Value) -> Option<i64> {
    data.get("due").and_then(Value::as_i64)
}

/// The effects of events: one row each.
pub async fn apply(tx: &mut SystemTx, events: &[&Envelope]) -> Result<(), db::Error> {
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let dues: Vec<i64> = events.iter().filter_map(|event| due(&event.data)).collect();
    sqlx::query("insert into public.effects select * from unnest($1::uuid[], $2::bigint[])")
        .bind(&ids)
        .bind(&dues)
        .execute(tx.sql())
        .await?;
    Ok(())
}

/// What a plain queue does with up to so many jobs: takes them, has their effects, and removes them, in one commit.
pub async fn work(sql: &mut PgConnection, most: i64) -> Result<usize> {
    sqlx::query("begin").execute(&mut *sql).await?;
    let jobs: Vec<(i64, EventId, Value)> =
        sqlx::query_as("select id, event_id, data from public.jobs order by id limit $1 for update skip locked")
            .bind(most)
            .fetch_all(&mut *sql)
            .await?;
    let numbers: Vec<i64> = jobs.iter().map(|job| job.0).collect();
    let ids: Vec<EventId> = jobs.iter().map(|job| job.1).collect();
    let dues: Vec<i64> = jobs.iter().filter_map(|job| due(&job.2)).collect();
    if !jobs.is_empty() {
        sqlx::query("insert into public.effects select * from unnest($1::uuid[], $2::bigint[])")
            .bind(&ids)
            .bind(&dues)
            .execute(&mut *sql)
            .await?;
        sqlx::query("delete from public.jobs where id = any($1)")
            .bind(&numbers)
            .execute(&mut *sql)
            .await?;
    }
    sqlx::query("commit").execute(&mut *sql).await?;
    Ok(jobs.len())
}

/// Tells whoever waits for jobs, in a commit of its own, as ours is told.
pub async fn notify(sql: &mut PgConnection) -> Result<()> {
    sqlx::query("notify jobs").execute(sql).await?;
    Ok(())
}
