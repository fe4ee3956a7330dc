//! A machine that runs virtual machines, as the platform knows it.

pub mod enrolment;

use chrono::{DateTime, Utc};
use host_api::{DomainType, ErrorCode, Sha256};
use ids::{HostId, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::pool::Room;
use crate::vm::SILENT_AFTER_S;

/// A host.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Its id.
    pub id: HostId,
    /// Its pool: id and name.
    pub pool: (PoolId, String),
    /// The name operators see.
    pub name: String,
    /// The name tenants see.
    pub alias: String,
    /// It only pretends.
    pub simulated: bool,
    /// How it runs guests.
    pub domain_type: DomainType,
    /// The version of its libvirt.
    pub libvirt_version: String,
    /// The version of its hypervisor process, once one has started.
    pub agent_version: Option<String>,
    /// What operators want of it.
    pub state: HostState,
    /// What it has.
    pub physical: Room,
    /// What may be placed on it.
    pub capacity: Room,
    /// What is placed on it.
    pub allocated: Room,
    /// What it last said of itself.
    pub usage: Option<HostUsage>,
    /// What keeps it from working.
    pub error: Option<HostError>,
    /// Seconds since its last heartbeat, by the database's clock; none when it never had one.
    pub silent_s: Option<f64>,
    /// When its last heartbeat was.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Counts its changes by operators.
    pub generation: i64,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When operators last changed it.
    pub updated_at: DateTime<Utc>,
}

/// What operators want of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// New machines are placed on it.
    Up,
    /// No new machines for now; those that are there go on.
    Maintenance,
    /// No new machines; it is on its way out.
    Disabled,
}

/// What may be said of a host. New words may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostStatus {
    /// It is heard and takes machines.
    Up,
    /// It is heard and cannot work; `last_error` says why.
    Degraded,
    /// It is heard and takes no new machines.
    Maintenance,
    /// It is heard and was taken out of use.
    Disabled,
    /// It is not heard: nobody knows what it does.
    Unknown,
}

/// What a host last said of itself.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HostUsage {
    /// How busy its processors are, 0 to 100.
    #[schema(example = 12.5)]
    pub cpu_percent: f32,
    /// Memory in use, in MiB.
    #[schema(example = 2048)]
    pub memory_used_mib: i32,
    /// Space in use where the disks are, in GiB.
    #[schema(example = 40)]
    pub disk_used_gib: i32,
}

/// What keeps a host from working.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostError {
    /// What kind.
    pub code: ErrorCode,
    /// What was said. May name paths of the host.
    #[schema(example = "libvirt does not answer")]
    pub detail: String,
}

impl HostState {
    /// The word in the database and on the wire.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Maintenance => "maintenance",
            Self::Disabled => "disabled",
        }
    }
}

impl Host {
    /// What may be said of it.
    pub fn status(&self) -> HostStatus {
        status(self.state, self.silent_s, self.error.is_some())
    }
}

/// Silence comes first: whatever a host was told or once said, nobody knows what it does now.
fn status(state: HostState, silent_s: Option<f64>, broken: bool) -> HostStatus {
    match (silent_s, state) {
        (Some(silent), _) if silent >= SILENT_AFTER_S => HostStatus::Unknown,
        (None, _) => HostStatus::Unknown,
        (Some(_), _) if broken => HostStatus::Degraded,
        (Some(_), HostState::Up) => HostStatus::Up,
        (Some(_), HostState::Maintenance) => HostStatus::Maintenance,
        (Some(_), HostState::Disabled) => HostStatus::Disabled,
    }
}

/// SHA-256.
fn digest(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// The name tenants see. It is made of the id by a digest, so it tells apart and tells nothing.
pub fn alias(id: HostId) -> String {
    let digest = digest(id.as_uuid().as_bytes());
    format!("host-{:.10}", Sha256::of_digest(digest).as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_comes_before_everything_else() {
        for state in [HostState::Up, HostState::Maintenance, HostState::Disabled] {
            for broken in [false, true] {
                assert_eq!(status(state, None, broken), HostStatus::Unknown);
                assert_eq!(status(state, Some(SILENT_AFTER_S), broken), HostStatus::Unknown);
                assert_ne!(status(state, Some(SILENT_AFTER_S - 0.1), broken), HostStatus::Unknown);
            }
        }
        assert_eq!(status(HostState::Up, Some(0.0), true), HostStatus::Degraded);
        assert_eq!(
            status(HostState::Maintenance, Some(0.0), false),
            HostStatus::Maintenance
        );
    }

    #[test]
    fn an_alias_tells_hosts_apart() {
        let id = HostId::mint();
        assert_eq!(alias(id), alias(id));
        assert_ne!(alias(id), alias(HostId::mint()));
        assert_eq!(alias(id).len(), 15);
    }
}
