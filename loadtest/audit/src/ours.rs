//! Ours: entries recorded by many at a time, counted when a signed checkpoint covers them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use auth::action::vm;
use db::Db;
use serde_json::{Value, json};
use testkit::TestTenant;
use tokio::task::JoinSet;

use crate::content::{Contents, Person};
use crate::figures::{Cost, Meter, Times};
use crate::options::Options;
use crate::store;
use crate::watch::Watch;
use crate::world::World;

/// Who records.
#[derive(Clone, Copy)]
pub struct Crowd {
    /// At a time; each waits for its answer.
    pub callers: usize,
    /// Of so many tenants.
    pub tenants: usize,
}

pub struct Turn {
    /// Entries under a signed checkpoint at the end.
    pub signed: usize,
    /// Entries in the log: all that were recorded.
    pub logged: usize,
    /// Until no checkpoint was due any more.
    pub cost: Cost,
    pub told: Value,
}

/// Records for a while as fast as it is answered, and waits until the log has caught up.
pub async fn turn(options: &Options, contents: &Arc<Contents>, crowd: Crowd) -> anyhow::Result<Turn> {
    let mut world = World::new(crowd.tenants).await?;
    let mut sql = world.superuser().await;
    let before = store::written(&mut sql).await?;
    world.start()?;
    let mut watch = Watch::new(world.superuser().await);
    let meter = Meter::start(options.server);
    let limit = Limit::Time(Instant::now() + Duration::from_secs_f64(options.seconds));
    let took = recorded(&world.db, &world.tenants, contents, (crowd.callers, limit)).await?;
    let recording = meter.read();
    let recorded = took.len();
    let signed = watch.until(recorded).await?;
    let cost = meter.read();
    world.stop().await?;
    let after = store::written(&mut sql).await?;
    let told = json!({
        "callers": crowd.callers, "tenants": crowd.tenants, "cost": cost.told(signed),
        "recorded": {"count": recorded, "per_s": recording.per_s(recorded), "closed_loop": Times::of(took).told()},
        "per_sync": signed as f64 / (after.syncs - before.syncs).max(1) as f64,
        "wal_bytes_each": (after.bytes - before.bytes) as f64 / recorded.max(1) as f64,
    });
    Ok(Turn {
        signed,
        logged: recorded,
        cost,
        told,
    })
}

/// When recorders end.
#[derive(Clone, Copy)]
pub enum Limit {
    Time(Instant),
    /// With so many entries, all together.
    Entries(usize),
}

/// Each of the callers records one entry after another. How long each took.
pub async fn recorded(
    db: &Db,
    tenants: &[TestTenant],
    contents: &Arc<Contents>,
    (callers, limit): (usize, Limit),
) -> anyhow::Result<Vec<Duration>> {
    let mut running = JoinSet::new();
    for caller in 0..callers {
        let tenant = tenants.get(caller % tenants.len()).context("a tenant")?.clone();
        let (db, contents) = (db.clone(), Arc::clone(contents));
        running.spawn(async move {
            let person = Person::of(&tenant);
            let mut took = Vec::new();
            loop {
                let ends = match limit {
                    Limit::Time(end) => Instant::now() >= end,
                    Limit::Entries(all) => took.len() * callers + caller >= all,
                };
                if ends {
                    return Ok::<_, anyhow::Error>(took);
                }
                let begun = Instant::now();
                record(&db, &person, &contents, took.len() * callers + caller).await?;
                took.push(begun.elapsed());
            }
        });
    }
    let mut took = Vec::new();
    while let Some(ended) = running.join_next().await {
        took.extend(ended??);
    }
    Ok(took)
}

pub async fn record(db: &Db, person: &Person<'_>, contents: &Contents, number: usize) -> anyhow::Result<()> {
    let about = contents.about(number);
    db.record::<vm::Read>(&person.asks(), format!("vm:{}", number % 10_000), about)
        .await?;
    Ok(())
}
