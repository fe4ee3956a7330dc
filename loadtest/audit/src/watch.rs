//! How far the logs are, looked at again and again from outside.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clock::Clock;
use ids::TenantId;

use crate::figures::Times;
use crate::store::{self, Reached, Sql};

/// Between two looks: what is told of times is as coarse as this.
pub const LOOK: Duration = Duration::from_millis(10);
/// A log that has fewer unsigned entries waits for more of them, or for ten seconds.
const PACE: i64 = 1_000;

/// What was seen at one time.
struct Seen {
    at: DateTime<Utc>,
    logs: HashMap<TenantId, Reached>,
}

pub struct Watch {
    sql: Sql,
    clock: Clock,
    seen: Vec<Seen>,
}

impl Watch {
    pub fn new(sql: Sql) -> Self {
        Self {
            sql,
            clock: Clock::system(),
            seen: Vec::new(),
        }
    }

    /// Looks once. What is in the logs, what of that is signed, and whether more is due to be.
    pub async fn look(&mut self) -> anyhow::Result<(usize, usize, bool)> {
        let logs = store::reached(&mut self.sql).await?;
        let at = self.clock.now();
        let sum = |part: fn(&Reached) -> i64| logs.iter().map(part).sum::<i64>().unsigned_abs() as usize;
        let (logged, signed) = (sum(|log| log.seq), sum(|log| log.size));
        let due = logs.iter().any(|log| log.seq - log.size >= PACE);
        let logs = logs.into_iter().map(|log| (log.tenant_id, log)).collect();
        self.seen.push(Seen { at, logs });
        Ok((logged, signed, due))
    }

    /// Looks until so many are in the logs and no checkpoint is due; how many are under one.
    pub async fn until(&mut self, entries: usize) -> anyhow::Result<usize> {
        loop {
            let (logged, signed, due) = self.look().await?;
            if logged >= entries && !due {
                return Ok(signed);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// How long it took from each entry's time until it was seen in the log, and until it was seen signed for; and how many never
    /// were. Of those recorded before this time: behind the last of them the load went on, as it does.
    pub async fn ages(mut self, before: DateTime<Utc>) -> anyhow::Result<(Times, Times, usize)> {
        let mut entries = store::entries(&mut self.sql).await?;
        entries.retain(|(.., time)| *time < before);
        let age = |(tenant, seq, time): &(TenantId, i64, DateTime<Utc>), part: fn(&Reached) -> i64| {
            let is_short = |seen: &Seen| seen.logs.get(tenant).map_or(0, part) < *seq;
            let first = self.seen.get(self.seen.partition_point(is_short))?;
            Some((first.at - time).to_std().unwrap_or_default())
        };
        let logged = entries.iter().filter_map(|entry| age(entry, |log| log.seq)).collect();
        let signed: Vec<_> = entries.iter().filter_map(|entry| age(entry, |log| log.size)).collect();
        let unsigned = entries.len() - signed.len();
        Ok((Times::of(logged), Times::of(signed), unsigned))
    }
}
