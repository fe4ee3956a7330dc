use ids::HostId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Asks for a host identity. Sent once, over a TLS connection whose self-signed client certificate becomes the host's
/// credential (RFC 8705, section 2.2).
///
/// Repeating it with the same token and the same certificate gives the same answer, so that a lost answer is not a lost
/// token; the same token with another certificate is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The one-use token from `POST /system/hosts/enrolments`. A secret.
    pub token: String,
    /// A name for people, unique in the pool: `a-z 0-9 -`, 1 to 63 characters.
    pub name: String,
    /// What the host has.
    pub capacity: Capacity,
    /// How the host runs guests.
    pub domain_type: DomainType,
    /// For example `9.0.0`.
    pub libvirt_version: String,
    /// Whether the host only pretends. Shown wherever the host or its VMs are shown.
    pub simulated: bool,
}

/// The answer to [`Enrol`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Enrolled {
    /// The host's id from now on.
    pub host_id: HostId,
}

/// What a host can give to VMs, before overcommit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Capacity {
    /// Logical processors.
    pub vcpus: u32,
    /// Memory in MiB, without what the host keeps for itself.
    pub memory_mib: u64,
    /// Space for disks in GiB.
    pub disk_gib: u64,
}

/// How guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DomainType {
    /// Hardware virtualisation.
    Kvm,
    /// Software emulation: right, and slow.
    Qemu,
}
