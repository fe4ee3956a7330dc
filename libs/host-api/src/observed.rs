use ids::VmId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ConsoleAck, ConsoleChunk, Generation, MAX_DETAIL, PlacementEpoch, Revision, SessionEpoch};

/// What a host sees. Complete: every domain of this host and every desired VM; see rule 4 of the crate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Observed {
    /// Who reports.
    pub epoch: SessionEpoch,
    /// The desired set that was known when this was seen; none before the first.
    pub revision: Option<Revision>,
    /// Every VM.
    pub vms: Vec<ObservedVm>,
    /// The host itself.
    pub usage: Usage,
    /// What keeps the host from working at all, libvirt being away for example.
    pub error: Option<ObservedError>,
}

/// What one VM is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedVm {
    /// The VM.
    pub vm_id: VmId,
    /// The change of intent that was last carried out to the end; 0 when none was.
    pub generation: Generation,
    /// The placement the domain belongs to; that of the desired VM while there is no domain.
    pub epoch: PlacementEpoch,
    /// On, off, gone or not known.
    pub power: ObservedPower,
    /// Why it is off; only with [`ObservedPower::Stopped`].
    pub stop_cause: Option<StopCause>,
    /// How many of its reboots were carried out.
    pub reboots: u32,
    /// Why the last attempt failed; gone when one succeeds. The hypervisor goes on trying, ever more slowly.
    pub error: Option<ObservedError>,
    /// Processor time used since the VM started. Nanoseconds.
    pub cpu_time_ns: u64,
    /// Memory in use on the host. MiB.
    pub memory_mib: u64,
    /// What its serial port printed since the last acknowledgement.
    pub console: Option<ConsoleChunk>,
    /// Told once, after the domain was defined or started.
    pub timings: Option<Timings>,
}

/// What a VM's power is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ObservedPower {
    /// On.
    Running,
    /// Off.
    Stopped,
    /// There is no domain, no disk and no log of it. It is gone for good only when [`ObservedVm::generation`] has reached the
    /// generation that asked for its absence; before, it is merely not there yet.
    Absent,
    /// libvirt does not tell, a step is under way, or the VM is paused. [`ObservedVm::generation`] means nothing.
    Unknown,
}

/// Why a VM is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StopCause {
    /// Because it should be, or was never started.
    Asked,
    /// The guest switched itself off. It stays off until its intent changes (a higher generation or reboot count).
    Guest,
    /// Its process died or its host restarted. It is started again while it should be running.
    Failed,
}

/// A failure, for operators.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ObservedError {
    /// What kind.
    pub code: ErrorCode,
    /// What was said, at most [`MAX_DETAIL`] bytes. May name paths of the host: not for tenants.
    pub detail: String,
}

impl ObservedError {
    /// Cuts the detail to [`MAX_DETAIL`] bytes on a character boundary, and makes it one line.
    #[must_use]
    pub fn new(code: ErrorCode, detail: impl std::fmt::Display) -> Self {
        let mut detail = detail.to_string().replace(char::is_control, " ");
        detail.truncate(detail.floor_char_boundary(MAX_DETAIL));
        Self { code, detail }
    }
}

/// Kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// An image file could not be fetched.
    ImageUnavailable,
    /// An image file is not what its digest says, or not what its kind says.
    ImageCorrupt,
    /// The disk could not be made, grown or removed.
    DiskFailed,
    /// The domain could not be defined or changed.
    DefineFailed,
    /// The domain could not be started.
    StartFailed,
    /// The domain could not be stopped.
    StopFailed,
    /// The domain could not be removed.
    RemoveFailed,
    /// The desired VM is older than the domain ([`crate::Refusal`]).
    StaleIntent,
    /// The disk would have to shrink ([`crate::Refusal`]).
    DiskShrink,
    /// A domain with this id exists and belongs to somebody else.
    ForeignDomain,
    /// libvirt does not answer.
    LibvirtUnavailable,
    /// A fault of the hypervisor itself.
    Internal,
}

/// Time spent inside libvirt calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Timings {
    /// Milliseconds to define the domain; 0 when it was not defined this time.
    pub define_ms: u64,
    /// Milliseconds to start it.
    pub start_ms: u64,
}

/// How busy the host is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// Processors, averaged since the last report. 0 to 100 over all of them.
    pub cpu_percent: f32,
    /// Memory not available to new processes. MiB.
    pub memory_used_mib: u64,
    /// Space used on the file system of the disks. GiB.
    pub disk_used_gib: u64,
}

/// The answer to [`Observed`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accepted {
    /// For every VM of the report that is placed here: how far its console is known. Shipping goes on from there,
    /// so neither side has to remember across a restart.
    pub console: Vec<ConsoleAck>,
    /// Domains that must go: the VM lives elsewhere by now, or no longer.
    pub remove: Vec<Remove>,
}

/// The word that makes an orphan go. Only domains that the report named are named here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// The VM.
    pub vm_id: VmId,
    /// The newest placement that may be removed; a domain with a higher one stays.
    pub up_to: PlacementEpoch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_detail_is_cut_between_characters() {
        let error = ObservedError::new(ErrorCode::StartFailed, "云".repeat(MAX_DETAIL));
        assert!(error.detail.len() <= MAX_DETAIL && error.detail.len() > MAX_DETAIL - 3);
        assert_eq!(ObservedError::new(ErrorCode::StartFailed, "a\nb\0c").detail, "a b c");
    }

    #[test]
    fn unknown_fields_are_refused() {
        let good = r#"{"vm_id":"0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3","up_to":3}"#;
        assert!(serde_json::from_str::<Remove>(good).is_ok());
        assert!(serde_json::from_str::<Remove>(&good.replace("up_to", "force")).is_err());
    }
}
