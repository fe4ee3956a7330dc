use std::env;

use anyhow::Context;

/// What is measured, and for how long.
pub struct Options {
    /// Seconds of one turn.
    pub seconds: f64,
    /// A B B A so often.
    pub rounds: usize,
    /// Entries of the log that is caught up with, exported and verified.
    pub entries: usize,
    /// The parts, or all if none is named.
    pub only: Vec<String>,
    /// The database server's process.
    pub server: u32,
}

impl Options {
    pub fn read() -> anyhow::Result<Self> {
        let only = env::var("ONLY").unwrap_or_default();
        let named = only.split(',').filter(|part| !part.is_empty()).map(str::to_owned);
        Ok(Self {
            seconds: number("SECONDS_EACH", "3")?,
            rounds: number("ROUNDS", "2")?,
            entries: number("ENTRIES", "200000")?,
            only: named.collect(),
            server: env::var("YUNSHU_PG_PID")
                .context("YUNSHU_PG_PID: `./dev bench audit` says it")?
                .parse()?,
        })
    }

    pub fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| only == part)
    }
}

fn number<T>(name: &str, default: &str) -> anyhow::Result<T>
where
    T: std::str::FromStr,
    T::Err: std::error::Error + Send + Sync + 'static,
{
    let text = env::var(name).unwrap_or_else(|_| default.to_owned());
    text.parse().with_context(|| format!("{name}={text}"))
}
