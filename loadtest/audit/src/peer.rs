//! The peer: a row of the same size, in the clear and in no tree, with a commit of its own.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use clock::Clock;
use ids::EventId;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::content::Contents;
use crate::figures::{Cost, Meter, Times};
use crate::options::Options;
use crate::store::{self, Sql};
use crate::world::World;

/// Connections, each of which waits for its commit.
pub const CLIENTS: usize = 16;

pub struct Turn {
    pub rows: usize,
    pub cost: Cost,
    pub told: Value,
}

pub async fn turn(options: &Options, contents: &Arc<Contents>) -> anyhow::Result<Turn> {
    let world = World::new(1).await?;
    let mut sql = world.superuser().await;
    store::make_plain(&mut sql).await?;
    let tenant = world.tenants.first().context("a tenant")?.id;
    let before = store::written(&mut sql).await?;
    let mut clients = JoinSet::new();
    let mut connections = Vec::new();
    for _ in 0..CLIENTS {
        connections.push(world.superuser().await);
    }
    let meter = Meter::start(options.server);
    let end = Instant::now() + Duration::from_secs_f64(options.seconds);
    for (client, mut sql) in connections.into_iter().enumerate() {
        let (contents, clock) = (Arc::clone(contents), Clock::system());
        clients.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let begun = Instant::now();
                let content = contents.text(took.len() + client);
                let id = EventId::mint().as_uuid();
                store::insert_plain(&mut sql, (id, tenant), clock.now(), content).await?;
                took.push(begun.elapsed());
            }
            Ok::<(Vec<Duration>, Sql), anyhow::Error>((took, sql))
        });
    }
    let mut took = Vec::new();
    let mut open = Vec::new();
    while let Some(ended) = clients.join_next().await {
        let (times, sql) = ended??;
        took.extend(times);
        open.push(sql);
    }
    let cost = meter.read();
    for connection in open {
        store::close(connection).await?;
    }
    let after = store::written(&mut sql).await?;
    let rows = took.len();
    let times = Times::of(took);
    let told = json!({
        "cost": cost.told(rows), "closed_loop": times.told(),
        "per_sync": rows as f64 / (after.syncs - before.syncs).max(1) as f64,
        "wal_bytes_each": (after.bytes - before.bytes) as f64 / rows.max(1) as f64,
    });
    Ok(Turn { rows, cost, told })
}
