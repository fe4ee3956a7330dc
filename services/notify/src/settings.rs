use std::net::SocketAddr;

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
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
            streams_per_tenant: 100,
            lifetime_s: 15 * 60,
            heartbeat_s: 15,
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
