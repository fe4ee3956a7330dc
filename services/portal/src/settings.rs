use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The section `[portal]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the built portal is: what `npm run build` in `services/portal/ui` leaves in `dist`.
    pub assets: PathBuf,
    /// Where the service listens; port 0 takes a free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    #[serde(default = "default_workers")]
    pub workers: usize,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

const fn default_workers() -> usize {
    1
}

impl Settings {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        if self.assets.as_os_str().is_empty() {
            return Err("portal.assets is empty: name the directory of the built portal".to_owned());
        }
        if self.workers == 0 {
            return Err("portal.workers must be at least 1".to_owned());
        }
        Ok(())
    }
}
