use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use crate::quota::Limits;
use crate::work::Pace;

/// The section `[compute]` of the configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where the service listens; port 0 takes a free one.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// Worker threads of the HTTP side.
    #[serde(default = "default_workers")]
    pub workers: usize,
    /// Where image files are kept, each under its SHA-256. Made if missing.
    pub images: PathBuf,
    /// From where operators may register image files by path. None: by URL only.
    #[serde(default)]
    pub uploads: Option<PathBuf>,
    /// The largest kernel or initial file system, in MiB.
    #[serde(default = "default_kernel_mib")]
    pub kernel_mib: u64,
    /// The largest disk image, in MiB.
    #[serde(default = "default_disk_mib")]
    pub disk_mib: u64,
    /// How long an image may take to be fetched from a URL, in seconds.
    #[serde(default = "default_fetch_s")]
    pub fetch_s: u64,
    /// What a tenant may use until an operator says otherwise.
    #[serde(default)]
    pub quota: Limits,
    /// How patient the reconcilers are.
    #[serde(default)]
    pub work: Pace,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

const fn default_workers() -> usize {
    1
}

const fn default_kernel_mib() -> u64 {
    1024
}

const fn default_disk_mib() -> u64 {
    64 * 1024
}

const fn default_fetch_s() -> u64 {
    600
}

impl Settings {
    /// Says in one line what cannot work.
    pub fn validate(&self) -> Result<(), String> {
        if self.workers == 0 {
            return Err("compute.workers must be at least 1".to_owned());
        }
        if self.images.as_os_str().is_empty() {
            return Err("compute.images is empty: name a directory for image files".to_owned());
        }
        if self.uploads.as_ref().is_some_and(|uploads| !uploads.is_dir()) {
            return Err("compute.uploads is no directory: make it, or leave the setting out".to_owned());
        }
        if self.kernel_mib == 0 || self.disk_mib == 0 || self.fetch_s == 0 {
            return Err("compute.kernel_mib, disk_mib and fetch_s must be at least 1".to_owned());
        }
        self.work.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: serde_json::Value) -> Settings {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_cannot_work_is_said() {
        let json = |uploads: &str| serde_json::json!({"images": "/var/lib/yunshu/images", "uploads": uploads});
        assert!(settings(json("/")).validate().is_ok());
        assert!(
            settings(json("/nowhere/at/all"))
                .validate()
                .unwrap_err()
                .contains("compute.uploads")
        );
        assert!(settings(serde_json::json!({"images": ""})).validate().is_err());
    }
}
