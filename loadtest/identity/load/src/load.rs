//! Sends requests, some of whose credentials are revoked meanwhile.
//!
//! Without a rate, each connection sends its next request as soon as the last is answered: that shows what the other side
//! can do. With one, requests have their times, and latency counts from when a request was due, so that a stall is not
//! hidden by those it held up ("coordinated omission").

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::cpu;
use crate::http::Client;

#[derive(clap::Args)]
pub struct Options {
    /// A file with what to send.
    #[arg(long)]
    plan: PathBuf,
    #[arg(long)]
    connections: usize,
    #[arg(long)]
    seconds: f64,
    /// Seconds before anything counts.
    #[arg(long, default_value_t = 0.0)]
    warm: f64,
    /// Requests a second, all connections together.
    #[arg(long)]
    rate: Option<f64>,
    /// Whose processor time counts, with their children's.
    #[arg(long, value_delimiter = ',')]
    pids: Vec<u32>,
    /// So many of the requests' credentials are revoked, one after the other, in the first three quarters.
    #[arg(long, default_value_t = 0)]
    revoke: usize,
    /// The first that is: those before are revoked already.
    #[arg(long, default_value_t = 0)]
    revoke_from: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Deserialize)]
struct Plan {
    to: String,
    /// Whole requests.
    requests: Vec<String>,
    /// What revokes the credential of the request of the same number.
    #[serde(default)]
    revocations: Vec<String>,
    /// The status of an answer to a good credential.
    good: u16,
    /// The status of one to a bad credential.
    bad: u16,
}

/// What all connections share.
struct Run {
    plan: Plan,
    order: Vec<usize>,
    next: AtomicUsize,
    begin: Instant,
    warm: Instant,
    end: Instant,
    rate: Option<f64>,
    /// Microseconds from `begin` at which a credential was revoked, by number; 0 is never.
    revoked: Vec<AtomicU64>,
    /// The numbers of those that are to be revoked.
    doomed: std::ops::Range<usize>,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    answered: u64,
    statuses: BTreeMap<u16, u64>,
    late_us: Vec<u64>,
    /// Microseconds after a revocation at which the credential was still good, at most.
    stale_us: u64,
    /// Refused though nobody had revoked it, or answered with neither status.
    wrong: u64,
    failed: u64,
}

pub fn run(options: &Options) -> anyhow::Result<Value> {
    let plan: Plan = serde_json::from_slice(&fs::read(&options.plan)?)?;
    let begin = Instant::now();
    let warm = begin + Duration::from_secs_f64(options.warm);
    let run = Run {
        order: Chance::new(options.seed).order(plan.requests.len()),
        revoked: plan.requests.iter().map(|_| AtomicU64::new(0)).collect(),
        plan,
        next: AtomicUsize::new(0),
        begin,
        warm,
        end: warm + Duration::from_secs_f64(options.seconds),
        rate: options.rate,
        doomed: options.revoke_from..options.revoke_from + options.revoke,
    };
    // Those of an earlier run.
    for known in run.revoked.iter().take(options.revoke_from) {
        known.store(1, Ordering::Relaxed);
    }
    let (seen, spent) = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..options.connections).map(|_| scope.spawn(|| run.send())).collect();
        let revoker = scope.spawn(|| run.revoke());
        let spent = run.spent(&options.pids);
        let seen: Vec<Seen> = senders.into_iter().filter_map(|sender| sender.join().ok()).collect();
        (seen, revoker.join().is_ok_and(|done| done).then_some(spent))
    });
    let Some(spent) = spent else {
        anyhow::bail!("a revocation was refused");
    };
    Ok(told(seen, spent, options.seconds))
}

impl Run {
    fn send(&self) -> Seen {
        let (mut client, mut seen) = (Client::new(&self.plan.to), Seen::default());
        loop {
            let turn = self.next.fetch_add(1, Ordering::Relaxed);
            let due = self
                .rate
                .map(|rate| self.begin + Duration::from_secs_f64(turn as f64 / rate));
            wait(due);
            let now = Instant::now();
            if now >= self.end {
                return seen;
            }
            let Some((number, request)) = self.request(turn) else {
                return seen;
            };
            let answer = client.ask(request.as_bytes());
            if now >= self.warm {
                let status = answer.map(|answer| answer.status);
                seen.note(self, number, now, status.ok());
                let late = due.unwrap_or(now).elapsed().as_micros() as u64;
                seen.late_us.push(late);
            }
        }
    }

    fn request(&self, turn: usize) -> Option<(usize, &String)> {
        let number = *self.order.get(turn % self.order.len())?;
        Some((number, self.plan.requests.get(number)?))
    }

    /// Revokes the doomed, evenly spread; whether each was.
    fn revoke(&self) -> bool {
        let count = self.doomed.len() as f64;
        let all = (self.end - self.warm).mul_f64(0.75);
        let mut client = Client::new(&self.plan.to);
        for (turn, number) in self.doomed.clone().enumerate() {
            wait(Some(self.warm + all.mul_f64(turn as f64 / count)));
            let (Some(request), Some(at)) = (self.plan.revocations.get(number), self.revoked.get(number)) else {
                return false;
            };
            let done = client.ask(request.as_bytes());
            if !done.is_ok_and(|answer| answer.status / 100 == 2) {
                return false;
            }
            at.store(self.begin.elapsed().as_micros() as u64, Ordering::SeqCst);
        }
        true
    }

    /// Processor time between warm and end.
    fn spent(&self, pids: &[u32]) -> f64 {
        wait(Some(self.warm));
        let before = cpu::spent(pids);
        wait(Some(self.end));
        cpu::spent(pids) - before
    }
}

impl Seen {
    fn note(&mut self, run: &Run, number: usize, sent: Instant, status: Option<u16>) {
        let Some(status) = status else {
            self.failed += 1;
            return;
        };
        self.answered += 1;
        *self.statuses.entry(status).or_default() += 1;
        let revoked = run.revoked.get(number).map_or(0, |at| at.load(Ordering::SeqCst));
        let sent_us = (sent - run.begin).as_micros() as u64;
        if status == run.plan.good && revoked > 0 {
            self.stale_us = self.stale_us.max(sent_us.saturating_sub(revoked));
        }
        // A refusal may overtake the answer to its revocation.
        let refused_for_nothing = status == run.plan.bad && revoked == 0 && !run.doomed.contains(&number);
        if refused_for_nothing || (status != run.plan.good && status != run.plan.bad) {
            self.wrong += 1;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a load generator keeps to its times")]
fn wait(until: Option<Instant>) {
    if let Some(left) = until.and_then(|until| until.checked_duration_since(Instant::now())) {
        std::thread::sleep(left);
    }
}

fn told(seen: Vec<Seen>, cpu: f64, wall: f64) -> Value {
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    let mut late: Vec<u64> = Vec::new();
    let (mut answered, mut stale, mut wrong, mut failed) = (0, 0, 0, 0);
    for one in seen {
        for (status, count) in one.statuses {
            *statuses.entry(status).or_default() += count;
        }
        late.extend(one.late_us);
        answered += one.answered;
        stale = stale.max(one.stale_us);
        wrong += one.wrong;
        failed += one.failed;
    }
    late.sort_unstable();
    let ms = |share: f64| {
        let at = ((late.len() as f64 * share) as usize).min(late.len().saturating_sub(1));
        late.get(at).map(|us| *us as f64 / 1_000.0)
    };
    json!({
        "answered": answered, "failed": failed, "wrong": wrong, "statuses": statuses,
        "wall_s": wall, "cpu_s": cpu, "per_s": answered as f64 / wall, "per_cpu_s": answered as f64 / cpu,
        "p50_ms": ms(0.5), "p99_ms": ms(0.99), "max_ms": ms(1.0), "stale_s": stale as f64 / 1e6,
    })
}
