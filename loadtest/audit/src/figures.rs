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
    database: f64,
    own: f64,
}

/// What something cost.
#[derive(Clone, Copy)]
pub struct Cost {
    pub wall: f64,
    /// Of `PostgreSQL`'s processes.
    pub database: f64,
    /// Of this one: whoever asks, and of ours all that seals, writes and signs.
    pub own: f64,
}

impl Meter {
    pub fn start(server: u32) -> Self {
        Self {
            begin: Instant::now(),
            server,
            database: cpu::spent(&[server]),
            own: cpu::own(),
        }
    }

    pub fn read(&self) -> Cost {
        Cost {
            wall: self.begin.elapsed().as_secs_f64(),
            database: cpu::spent(&[self.server]) - self.database,
            own: cpu::own() - self.own,
        }
    }
}

impl Cost {
    pub fn per_s(&self, count: usize) -> f64 {
        count as f64 / self.wall
    }

    pub fn per_cpu_s(&self, count: usize) -> f64 {
        count as f64 / (self.database + self.own).max(0.01)
    }

    pub fn told(&self, count: usize) -> Value {
        json!({
            "count": count, "wall_s": self.wall, "per_s": self.per_s(count), "per_cpu_s": self.per_cpu_s(count),
            "cpu_s": self.database + self.own, "cpu_postgres_s": self.database, "cpu_own_s": self.own,
        })
    }
}
