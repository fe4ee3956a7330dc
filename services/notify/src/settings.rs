use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use egress::Limits;
use ipnetwork::IpNetwork;
use serde::Deserialize;

/// The section `[notify]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    pub workers: usize,
    /// Streams one tenant may hold open in one process.
    pub streams_per_tenant: usize,
    /// After how many seconds a stream ends and its client, coming back, is judged anew.
    pub lifetime_s: u64,
    /// The longest silence on a stream, in seconds.
    pub heartbeat_s: u64,
    /// How far the platform goes to reach receivers of webhooks.
    pub webhooks: WebhookSettings,
}

/// `[notify.webhooks]`: the operator's word.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhookSettings {
    /// Networks that are not public and hold receivers of this platform's tenants.
    pub networks: Vec<IpNetwork>,
    /// Ports receivers may listen on.
    pub ports: Vec<u16>,
    /// Certificates (PEM) of the authorities that vouch for those receivers, beside the web's own.
    pub roots: Option<PathBuf>,
    /// Plain `http` is taken too: for tests and development, never for a platform in use.
    pub plain_http: bool,
    /// Seconds a receiver may take to answer.
    pub patience_s: u16,
}

impl Default for WebhookSettings {
    fn default() -> Self {
        Self {
            networks: Vec::new(),
            ports: vec![443],
            roots: None,
            plain_http: false,
            patience_s: 15,
        }
    }
}

impl WebhookSettings {
    /// What one delivery may cost, and whom it trusts.
    pub fn limits(&self) -> Result<Limits, String> {
        let roots = match &self.roots {
            Some(file) => {
                std::fs::read(file).map_err(|error| format!("notify.webhooks.roots: {}: {error}", file.display()))?
            }
            None => Vec::new(),
        };
        let total = Duration::from_secs(u64::from(self.patience_s.max(1)));
        Ok(Limits {
            bytes: 0,
            total,
            silence: total,
            ports: self.ports.clone(),
            redirects: 0,
            opened: self.networks.clone(),
            roots,
        })
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            streams_per_tenant: 100,
            lifetime_s: 15 * 60,
            heartbeat_s: 15,
            webhooks: WebhookSettings::default(),
        }
    }
}

impl Settings {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        if self.workers == 0 || self.streams_per_tenant == 0 {
            return Err("notify.workers and notify.streams_per_tenant must be at least 1".to_owned());
        }
        if self.heartbeat_s == 0 || self.lifetime_s == 0 {
            return Err("notify.heartbeat_s and notify.lifetime_s must be at least 1".to_owned());
        }
        Ok(())
    }
}
