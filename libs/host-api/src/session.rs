use ids::HostId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Capacity, DomainType};

/// Which start of the process speaks for the host; from 1, higher is newer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct SessionEpoch(pub i64);

/// Says that the process has started, and what the host has now. The host is the one the certificate belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartSession {
    /// Changes with each boot of the machine (`/proc/sys/kernel/random/boot_id`): a new one means that every VM stopped.
    pub boot_id: String,
    /// What the host has now.
    pub capacity: Capacity,
    /// How the host runs guests now.
    pub domain_type: DomainType,
    /// For example `9.0.0`.
    pub libvirt_version: String,
    /// The version of `yunshu-hypervisor`.
    pub agent_version: String,
    /// As at enrolment.
    pub simulated: bool,
}

/// The answer to [`StartSession`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Session {
    /// Goes into every later request.
    pub epoch: SessionEpoch,
    /// The host that the certificate belongs to.
    pub host_id: HostId,
}
