//! Puts the parts together and runs them under one token.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context as _, Result, bail};
use host_api::DomainType;
use host_runtime::{Client, Ended, Machine as _, StateDir};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{host, machine::Libvirt, settings::Settings};

/// A hypervisor, enrolled and ready.
pub struct Service {
    client: Client,
    machine: Arc<Libvirt>,
    /// Held as long as the process lives: two processes of one host would wake each other's libvirt.
    _only: fs::File,
}

impl Service {
    /// Refuses to start where it could not work, with the mend.
    pub async fn build(settings: &Settings) -> Result<Self> {
        let ca = settings.ca.display();
        let roots = fs::read_to_string(&settings.ca).with_context(|| format!("cannot read --ca {ca}"))?;
        if settings.gateway.scheme() != "https" {
            bail!("--gateway must be https: the client certificate is what proves who this host is");
        }
        let state = StateDir::open(&settings.state)?;
        let only = alone(state.path())?;
        let path = state.path().canonicalize()?;
        if let Some(closed) = host::barrier(&path).filter(|_| settings.libvirt.starts_with("qemu:")) {
            let closed = closed.display();
            tracing::warn!(
                "guests will not start if QEMU's user cannot pass {closed}: chmod o+x {closed}, or choose another --state"
            );
        }

        let virtualisation = host::virtualisation();
        if let Some(trouble) = &virtualisation.trouble {
            tracing::warn!("{trouble}");
        }
        if virtualisation.domain_type == DomainType::Qemu {
            tracing::warn!("no hardware virtualisation here: guests are emulated, and slow");
        }

        let client = Client::new(settings.gateway.clone(), Some(&roots), &state.identity()?, None)?;
        let machine = Arc::new(Libvirt::new(&settings.libvirt, path, virtualisation, client.clone())?);
        let mend = "is libvirtd running? systemctl start libvirtd, or: virtlogd -d && libvirtd -d";
        machine
            .about()
            .await
            .map_err(|error| anyhow::anyhow!("{} ({mend})", error.detail))?;
        let host_id = state
            .enrol(
                &client,
                machine.as_ref(),
                settings.enrol.as_deref(),
                &settings.host_name(),
            )
            .await?;
        tracing::info!(%host_id, "this host is enrolled");
        Ok(Self {
            client,
            machine,
            _only: only,
        })
    }

    /// Until a signal, or until a newer process speaks for this host.
    pub async fn run(self) -> Result<Ended> {
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let (mut term, mut int) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        tracker.spawn({
            let stop = stop.clone();
            async move {
                tokio::select! {
                    _ = term.recv() => {}
                    _ = int.recv() => {}
                    () = stop.cancelled() => {}
                }
                stop.cancel();
            }
        });
        let ended = host_runtime::run(self.client, self.machine, stop.clone()).await;
        stop.cancel();
        tracker.close();
        tracker.wait().await;
        Ok(ended)
    }
}

fn alone(state: &Path) -> Result<fs::File> {
    let file = state.join("lock");
    let lock = fs::File::create(&file).with_context(|| format!("cannot write {}", file.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(_) => bail!(
            "another yunshu-hypervisor uses {}: stop it, or choose another --state",
            state.display()
        ),
    }
}
