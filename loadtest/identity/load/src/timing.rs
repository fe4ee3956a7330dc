//! Can two kinds of requests be told apart by the time that they take?
//!
//! They are sent in pairs, which of the two first by lot, one after the other on one connection. The Mann-Whitney test asks
//! whether one of the kinds tends to take longer, whatever the shape of the times; the gap of the medians says by how much.

use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::chance::Chance;
use crate::http::Client;

#[derive(clap::Args)]
pub struct Options {
    #[arg(long)]
    plan: PathBuf,
    #[arg(long, default_value_t = 1_000)]
    pairs: usize,
    /// Pairs that go before and do not count.
    #[arg(long, default_value_t = 100)]
    warm: usize,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Deserialize)]
struct Plan {
    to: String,
    /// Whole requests of the one kind, taken in turns, and of the other.
    known: Vec<String>,
    unknown: Vec<String>,
    /// How each of them is answered.
    status: u16,
}

pub fn run(options: &Options) -> anyhow::Result<Value> {
    let plan: Plan = serde_json::from_slice(&fs::read(&options.plan)?)?;
    let mut client = Client::new(&plan.to);
    let mut chance = Chance::new(options.seed);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for pair in 0..options.warm + options.pairs {
        let mut took = [0.0; 2];
        let first = chance.below(2);
        for which in [first, 1 - first] {
            let kind = if which == 0 { &plan.known } else { &plan.unknown };
            let request = kind.get(pair % kind.len()).context("no requests")?;
            let begin = Instant::now();
            let answer = client.ask(request.as_bytes())?;
            if let Some(slot) = took.get_mut(which) {
                *slot = begin.elapsed().as_secs_f64() * 1e3;
            }
            ensure!(answer.status == plan.status, "answered {}", answer.status);
        }
        if pair >= options.warm {
            known.push(took[0]);
            unknown.push(took[1]);
        }
    }
    let p = mann_whitney(&known, &unknown);
    let (one, other) = (median(&known), median(&unknown));
    let gap = (one - other).abs() / one.min(other);
    Ok(json!({
        "pairs": options.pairs, "known_ms": one, "unknown_ms": other, "median_gap": gap, "p": p,
        "told_apart": p <= 0.01 || gap >= 0.05,
    }))
}

fn median(times: &[f64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// The two-sided p of the Mann-Whitney U test, by its normal approximation; ties share their ranks.
fn mann_whitney(ours: &[f64], theirs: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = ours.iter().map(|time| (*time, true)).collect();
    all.extend(theirs.iter().map(|time| (*time, false)));
    all.sort_by(|one, other| one.0.total_cmp(&other.0));
    let (mut rank, mut sum, mut ties) = (0.0, 0.0, 0.0);
    for same in all.chunk_by(|one, other| one.0.total_cmp(&other.0).is_eq()) {
        let count = same.len() as f64;
        let of_ours = same.iter().filter(|(_, ours)| *ours).count() as f64;
        sum += of_ours * (rank + f64::midpoint(count, 1.0));
        ties += count.powi(3) - count;
        rank += count;
    }
    let (n, m) = (ours.len() as f64, theirs.len() as f64);
    let u = sum - n * (n + 1.0) / 2.0;
    let spread = (n * m / 12.0 * (n + m + 1.0 - ties / ((n + m) * (n + m - 1.0)))).sqrt();
    let z = ((u - n * m / 2.0).abs() - 0.5).max(0.0) / spread;
    2.0 * (1.0 - normal(z))
}

/// The normal distribution's share below `z` (Abramowitz and Stegun, 26.2.17; wrong by less than 1e-7).
fn normal(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z);
    let factors = [
        0.319_381_530,
        -0.356_563_782,
        1.781_477_937,
        -1.821_255_978,
        1.330_274_429,
    ];
    let sum = factors.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t);
    1.0 - (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_tells_what_differs_and_not_what_is_the_same() {
        let mut chance = Chance::new(7);
        let mut times = |shift: f64| -> Vec<f64> {
            (0..1_000)
                .map(|_| (0..12).map(|_| chance.below(1_000) as f64).sum::<f64>() + shift)
                .collect()
        };
        let (one, other, later) = (times(0.0), times(0.0), times(300.0));
        assert!(mann_whitney(&one, &other) > 0.01);
        assert!(mann_whitney(&one, &later) < 1e-6);
        assert!(mann_whitney(&[1.0; 50], &[1.0; 50]) > 0.99 || mann_whitney(&[1.0; 50], &[1.0; 50]).is_nan());
    }

    #[test]
    fn it_says_what_tables_say() {
        // By hand: U = 12.5 with ties, z = 2.80221.
        let (a, b): (Vec<f64>, Vec<f64>) = ((1..11).map(f64::from).collect(), (6..16).map(f64::from).collect());
        let p = mann_whitney(&a, &b);
        assert!((p - 0.005_075).abs() < 1e-5, "{p}");
    }
}
