use ids::{TenantId, VmId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{BootImage, SessionEpoch};

/// Names one state of a host's desired set. Compared for equality only: it is not a count and need not rise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Revision(pub i64);

/// Which change of intent; rises with every change to what the VM should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct Generation(pub i64);

/// Which placement of a VM; rises each time the VM is placed, on the same host or another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct PlacementEpoch(pub i64);

/// The query of `GET /hypervisor/desired`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DesiredQuery {
    /// Who asks.
    pub epoch: SessionEpoch,
    /// The revision the caller has; none at first. Any other is answered at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<Revision>,
    /// How long to wait for another revision, at most [`crate::MAX_WAIT_MS`]. After it the same revision is answered,
    /// complete again.
    #[serde(default)]
    pub wait_ms: u64,
}

/// Everything that should be on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Desired {
    /// The name of this set.
    pub revision: Revision,
    /// Every VM placed here, and every VM that must go from here until it is reported absent.
    pub vms: Vec<DesiredVm>,
}

/// What one VM should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DesiredVm {
    /// The VM; also its UUID in libvirt.
    pub vm_id: VmId,
    /// Whose it is. Written into the domain for operators; nothing is decided by it.
    pub tenant_id: TenantId,
    /// The name its owner gave it. Hostile: shown, never interpreted.
    pub name: String,
    /// Which change of intent this is.
    pub generation: Generation,
    /// Which placement this is.
    pub epoch: PlacementEpoch,
    /// Running, stopped or absent.
    pub power: DesiredPower,
    /// How often the VM was to be rebooted since it exists. A running VM with a lower count in its domain is rebooted
    /// once, however far behind it is.
    pub reboots: u32,
    /// How long the guest gets to shut down by itself before its power is cut. Seconds; 0 cuts at once.
    pub stop_grace_s: u32,
    /// How large it is. A running VM of another shape is stopped, changed and started.
    pub shape: Shape,
    /// What it boots from.
    pub image: BootImage,
}

/// How large a VM is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The disk in GiB; 0 is no disk, for kernel images only. Grows, never shrinks.
    pub disk_gib: u64,
}

/// What a VM's power should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DesiredPower {
    /// On.
    Running,
    /// Off, with its disk kept.
    Stopped,
    /// Gone, its disk and console log too.
    Absent,
}
