//! One measurement: what was done, how long it took, and what it cost whom.

use std::time::Instant;

use serde_json::{Value, json};

use crate::cpu;
use crate::place::Place;

/// Processor time so far.
pub struct Meter {
    begun: Instant,
    /// Of this process, of the database server and of the broker.
    spent: [f64; 3],
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
pub struct Turn {
    pub done: f64,
    pub wall: f64,
    pub spent: [f64; 3],
}

impl Meter {
    pub fn start(place: &Place) -> Self {
        Self {
            begun: Instant::now(),
            spent: spent(place),
        }
    }

    pub fn stop(self, place: &Place, done: f64) -> Turn {
        let (wall, now) = (self.begun.elapsed().as_secs_f64(), spent(place));
        let mut cost = [0.0; 3];
        for ((cost, now), before) in cost.iter_mut().zip(now).zip(self.spent) {
            *cost = now - before;
        }
        Turn {
            done,
            wall,
            spent: cost,
        }
    }
}

fn spent(place: &Place) -> [f64; 3] {
    [cpu::own(), cpu::spent(&[place.pg_pid]), cpu::spent(&[place.kafka_pid])]
}

impl Turn {
    pub fn per_s(&self) -> f64 {
        self.done / self.wall
    }

    /// Per second of anybody's processor time.
    pub fn per_cpu_s(&self) -> f64 {
        self.done / self.spent.iter().sum::<f64>().max(0.01)
    }

    pub fn told(&self) -> Value {
        let [own, postgres, kafka] = self.spent;
        json!({
            "done": self.done, "wall_s": self.wall, "per_s": self.per_s(), "per_cpu_s": self.per_cpu_s(),
            "cpu_s": {"own": own, "postgres": postgres, "kafka": kafka},
        })
    }
}

/// The median of several turns, and all of them.
pub fn told(name: &str, turns: &[Turn]) -> (f64, Value) {
    let (rate, per_cpu) = (middle(turns, Turn::per_s), middle(turns, Turn::per_cpu_s));
    let share = |at: usize| {
        middle(turns, |turn| {
            turn.spent.get(at).copied().unwrap_or_default() / turn.wall
        })
    };
    say(&format!(
        "{name:<44} {rate:9.0}/s {per_cpu:9.0} per CPU-s   cores: own {:.2}, PostgreSQL {:.2}, Kafka {:.2}",
        share(0),
        share(1),
        share(2)
    ));
    let all: Vec<Value> = turns.iter().map(Turn::told).collect();
    (rate, json!({"per_s": rate, "per_cpu_s": per_cpu, "turns": all}))
}

fn middle(turns: &[Turn], of: impl Fn(&Turn) -> f64) -> f64 {
    let mut all: Vec<f64> = turns.iter().map(of).collect();
    all.sort_by(f64::total_cmp);
    let (low, high) = (all.get((all.len().max(1) - 1) / 2), all.get(all.len() / 2));
    low.zip(high).map_or(0.0, |(low, high)| f64::midpoint(*low, *high))
}

pub fn say(text: &str) {
    eprintln!("  {text}");
}
