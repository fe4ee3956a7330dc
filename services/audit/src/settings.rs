use std::net::SocketAddr;

use serde::Deserialize;

/// The section `[audit]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the service listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    pub workers: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            workers: 1,
        }
    }
}

impl Settings {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        if self.workers == 0 {
            return Err("audit.workers must be at least 1".to_owned());
        }
        Ok(())
    }
}
