//! What comes of turns.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cpu;

/// The middle one, or the mean of the two in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    let middle = figures.len() / 2;
    let at = |place: usize| figures.get(place).copied().unwrap_or_default();
    if figures.len() % 2 == 1 {
        at(middle)
    } else {
        f64::midpoint(at(middle.saturating_sub(1)), at(middle))
    }
}

/// How long things took.
#[derive(Default)]
pub struct Times(Vec<Duration>);

impl Times {
    pub fn of(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    pub fn ms(&self, share: f64) -> f64 {
        let at = ((self.0.len() as f64 * share) as usize).min(self.0.len().saturating_sub(1));
        self.0.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }

    pub fn told(&self) -> Value {
        json!({"p50_ms": self.ms(0.5), "p99_ms": self.ms(0.99), "max_ms": self.ms(1.0)})
    }
}

/// Time and processor time since it was started.
pub struct Meter {
    begin: Instant,
    server: u32,
    server_s: f64,
    own_s: f64,
}

/// What something cost.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall_s: f64,
    /// Of `PostgreSQL`'s processes.
    pub server_s: f64,
    /// Of this one: whoever asks, and of ours all that seals, writes and signs.
    pub own_s: f64,
}

impl Meter {
    pub fn start(server: u32) -> Self {
        Self {
            begin: Instant::now(),
            server,
            server_s: cpu::spent(&[server]),
            own_s: cpu::own(),
        }
    }

    pub fn read(&self) -> Cost {
        Cost {
            wall_s: self.begin.elapsed().as_secs_f64(),
            server_s: cpu::spent(&[self.server]) - self.server_s,
            own_s: cpu::own() - self.own_s,
        }
    }
}

impl Cost {
    pub fn per_s(&self, count: usize) -> f64 {
        count as f64 / self.wall_s
    }

    pub fn per_cpu_s(&self, count: usize) -> f64 {
        count as f64 / (self.server_s + self.own_s).max(0.01)
    }

    pub fn told(&self, count: usize) -> Value {
        json!({
            "count": count, "wall_s": self.wall_s, "per_s": self.per_s(count), "per_cpu_s": self.per_cpu_s(count),
            "cpu_s": self.server_s + self.own_s, "cpu_postgres_s": self.server_s, "cpu_own_s": self.own_s,
        })
    }
}
