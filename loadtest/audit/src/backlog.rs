//! A log that has much to catch up with, then its export, then the verification of that.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use auth::Role;
use reqwest::Method;
use serde_json::{Value, json};
use tlog::PublicKey;
use tlog::bundle::{Trust, verify};

use crate::content::Contents;
use crate::figures::{Meter, median};
use crate::options::Options;
use crate::ours::{Limit, recorded};
use crate::watch::Watch;
use crate::world::World;

const PATH: &str = "/api/v1/audit/exports?format=verifiable";
/// Who fills the outbox, at a time.
const CALLERS: usize = 256;
/// The best and the worst of fewer would be all there is.
const VERIFICATIONS: usize = 5;

pub struct CaughtUp {
    pub told: Value,
    pub verification: Value,
}

pub async fn run(options: &Options, contents: &Arc<Contents>) -> anyhow::Result<CaughtUp> {
    let mut world = World::new(1).await?;
    let meter = Meter::start(options.server);
    let limit = Limit::Entries(options.entries);
    let filled = recorded(&world.db, &world.tenants, contents, (CALLERS, limit)).await?;
    let recording = meter.read();

    let meter = Meter::start(options.server);
    let (address, key) = world.start()?;
    let mut watch = Watch::new(world.superuser().await);
    let signed = watch.until(filled.len()).await?;
    let cost = meter.read();

    let meter = Meter::start(options.server);
    let tenant = world.tenants.first().context("a tenant")?;
    let client = world.bench.client(address).caller(&tenant.caller(Role::Owner));
    let mut answer = client.request(Method::GET, PATH).send().await?.error_for_status()?;
    let mut file = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        file.extend_from_slice(&chunk);
    }
    let exporting = meter.read();
    world.stop().await?;

    let verification = tokio::task::spawn_blocking(move || verified(&file, &key)).await??;
    let entries = verification.0;
    ensure!(entries >= signed, "{entries} of {signed} entries were exported");
    let told = json!({
        "callers": CALLERS, "filling": recording.told(filled.len()), "catching_up": cost.told(signed),
        "export": exporting.told(entries),
    });
    let verification = verification.1;
    Ok(CaughtUp { told, verification })
}

/// What `yunshu audit verify` does with the file, by the same function, on this thread.
fn verified(file: &[u8], key: &PublicKey) -> anyhow::Result<(usize, Value)> {
    let trust = Trust {
        keys: vec![key.clone()],
        ..Trust::default()
    };
    let (mut rates, mut by_clock) = (Vec::new(), Vec::new());
    let mut entries = 0;
    for _ in 0..VERIFICATIONS {
        let (begun, on_core) = (Instant::now(), cpu_of_thread()?);
        let report = verify(file, &trust)?;
        entries = usize::try_from(report.entries)?;
        ensure!(report.complete && report.withheld == 0, "{report:?}");
        rates.push(entries as f64 / (cpu_of_thread()? - on_core));
        by_clock.push(entries as f64 / begun.elapsed().as_secs_f64());
    }
    let told = json!({
        "entries": entries, "bytes_each": file.len() / entries.max(1), "per_cpu_s": median(rates.clone()), "runs": rates,
        "per_s": median(by_clock),
    });
    Ok((entries, told))
}

/// Seconds that this thread was on a core: Linux counts them in nanoseconds.
fn cpu_of_thread() -> anyhow::Result<f64> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = text.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds as f64 / 1e9)
}
