use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::config::{Format, Log};

/// Sends log lines to standard error.
pub fn start(log: &Log) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&log.filter).with_context(|| format!("log.filter is no filter: {}", log.filter))?;
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let done = match log.format {
        Format::Text => lines.with_ansi(false).try_init(),
        Format::Json => lines.json().try_init(),
    };
    done.map_err(|error| anyhow::anyhow!("logging cannot start: {error}"))
}
