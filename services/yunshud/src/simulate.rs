use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use tokio_util::sync::CancellationToken;
use url::Url;

/// The flags of the real hypervisor, as far as they make sense here.
#[derive(Debug, Args)]
pub struct Options {
    /// The gateway.
    #[arg(long, default_value = "https://localhost:8443")]
    gateway: Url,
    /// The certificate authority the gateway's certificate must come from.
    #[arg(long)]
    ca: Option<PathBuf>,
    /// Where the host keeps its key and certificate.
    #[arg(long)]
    state: PathBuf,
    /// A one-use token, needed the first time.
    #[arg(long)]
    enrol: Option<String>,
    /// Its name.
    #[arg(long, default_value = "simulated-host")]
    name: String,
}

/// Plays a host until a signal.
pub async fn run(options: Options) -> anyhow::Result<()> {
    let roots = options
        .ca
        .as_ref()
        .map(std::fs::read_to_string)
        .transpose()
        .context("cannot read the file of --ca")?;
    let knobs = host_sim::Knobs {
        name: options.name,
        roots,
        ..host_sim::Knobs::default()
    };
    let state = host_runtime::StateDir::open(&options.state)?;
    let host = host_sim::SimHost::open(options.gateway, &state, options.enrol.as_deref(), knobs).await?;
    let stop = CancellationToken::new();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let signal = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = tokio::signal::ctrl_c() => {}
        }
        stop.cancel();
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = host.run(stop.clone()) => anyhow::ensure!(stop.is_cancelled(), "the simulated host ended: {ended:?}"),
        () = signal => {}
    }
    Ok(())
}
