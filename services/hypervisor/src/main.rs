//! `yunshu-hypervisor`, on each KVM host.

use std::process::ExitCode;

use clap::Parser as _;
use host_runtime::Ended;
use tracing_subscriber::EnvFilter;
use yunshu_hypervisor::{
    service::Service,
    settings::{LogFormat, Settings},
};

/// A newer process speaks for this host; see `RestartPreventExitStatus=` in README.md.
const ZOMBIE: u8 = 3;

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let settings = Settings::parse();
    let log = tracing_subscriber::fmt()
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stdout()))
        .with_env_filter(EnvFilter::try_new(&settings.log_filter)?);
    match settings.log_format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
    // The first thing TLS needs; without it the first connection panics.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();

    let ended = Service::build(&settings).await?.run().await?;

    Ok(match ended {
        Ended::Stopped => ExitCode::SUCCESS,
        Ended::Zombie => {
            tracing::error!("a newer process speaks for this host; this one ends and must not be restarted by itself");
            ExitCode::from(ZOMBIE)
        }
    })
}
