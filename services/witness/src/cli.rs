//! What can be asked of the binary.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;

use actix_web::web::Data;
use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use clock::Clock;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::settings::Config;
use crate::{Witness, server};

/// Cosigns the checkpoints of logs that only grow (c2sp.org/tlog-witness).
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// The configuration.
    #[arg(long, global = true, default_value = "witness.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Answers until it is told to stop (SIGTERM, SIGINT).
    Serve,
    /// Says the public key; it is made now if there is none yet.
    Key,
}

impl Cli {
    /// Does what was asked.
    pub fn run(self) -> Result<()> {
        let settings = settings::load::<Config>(&self.config)?.witness;
        match self.command {
            Command::Key => {
                let seed = crypto::read_or_make_key(&settings.key)?;
                let key = tlog::Signer::from_seed(&settings.name, &seed)?.public_cosigner();
                Ok(writeln!(std::io::stdout(), "{key}")?)
            }
            Command::Serve => {
                tracing_subscriber::fmt().with_writer(std::io::stderr).init();
                let witness = Witness::open(&settings, Clock::system()).map_err(anyhow::Error::msg)?;
                let listener = TcpListener::bind(settings.listen).context("witness.listen")?;
                listener.set_nonblocking(true)?;
                tokio::runtime::Builder::new_multi_thread()
                    .enable_all()
                    .build()
                    .context("no runtime")?
                    .block_on(serve(witness, listener))
            }
        }
    }
}

async fn serve(witness: Witness, listener: TcpListener) -> Result<()> {
    let (address, key) = (listener.local_addr()?, witness.public());
    let shutdown = CancellationToken::new();
    let mut serving = std::pin::pin!(server::serve(Data::new(witness), listener, shutdown.clone()));
    // Whoever starts it may read there when it listens, and where.
    writeln!(std::io::stdout(), "{address} {key}")?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = &mut serving => return Ok(ended?),
        _ = terminate.recv() => {}
        done = tokio::signal::ctrl_c() => done?,
    }
    shutdown.cancel();
    Ok(serving.await?)
}
