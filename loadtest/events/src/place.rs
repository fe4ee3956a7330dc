//! What `./dev bench` has started, and how long to measure.

use std::env;
use std::time::Duration;

use anyhow::Context;

/// Where everything is.
pub struct Place {
    /// The socket of a database server that trusts whoever reaches it.
    pub socket: String,
    pub port: u16,
    pub pg_pid: u32,
    pub brokers: String,
    pub kafka_pid: u32,
    pub each: Duration,
    pub rounds: usize,
    /// Events of a turn that is about throughput.
    pub events: u32,
    /// Events a second where latency is measured while little happens.
    pub rate: f64,
    only: Vec<String>,
}

impl Place {
    pub fn found() -> anyhow::Result<Self> {
        let seconds: f64 = number("SECONDS_EACH", 6.0)?;
        let only = env::var("ONLY").unwrap_or_default();
        Ok(Self {
            socket: word("YUNSHU_PG_SOCKET")?,
            port: word("YUNSHU_PG_PORT")?.parse()?,
            pg_pid: word("YUNSHU_PG_PID")?.parse()?,
            brokers: word("YUNSHU_KAFKA")?,
            kafka_pid: word("YUNSHU_KAFKA_PID")?.parse()?,
            each: Duration::from_secs_f64(seconds),
            rounds: number("ROUNDS", 1)?,
            events: number("EVENTS", 20_000)?,
            rate: number("RATE", 100.0)?,
            only: only
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
        })
    }

    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

fn word(name: &str) -> anyhow::Result<String> {
    env::var(name).with_context(|| format!("{name} is not set: run `./dev bench events`"))
}

fn number<T: std::str::FromStr>(name: &str, usual: T) -> anyhow::Result<T> {
    match env::var(name) {
        Ok(told) => told.parse().ok().with_context(|| format!("{name} is no number")),
        Err(_) => Ok(usual),
    }
}
