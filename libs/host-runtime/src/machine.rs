//! What a machine must be able to do.

use std::{future::Future, sync::Arc};

use host_api::{
    Action, Actual, Capacity, ConsoleAck, ConsoleChunk, DesiredVm, DomainType, ObservedError, Timings, Usage,
};
use ids::{HostId, VmId};
use tokio::sync::Notify;

/// One VM as it is found on the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Which.
    pub vm_id: VmId,
    /// Its domain; none when only a disk or a log is left of it.
    pub domain: Option<Actual>,
    /// Processor time used since it started. Nanoseconds.
    pub cpu_time_ns: u64,
    /// Memory in use. MiB.
    pub memory_mib: u64,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Done; look again.
    Done(Option<Timings>),
    /// Begun, and takes its time: the guest is shutting down.
    Underway,
}

/// What the machine says of itself when a session starts.
#[derive(Debug, Clone)]
pub struct About {
    /// See [`host_api::StartSession::boot_id`].
    pub boot_id: String,
    /// What it has.
    pub capacity: Capacity,
    /// How it runs guests.
    pub domain_type: DomainType,
    /// Of libvirt.
    pub libvirt_version: String,
    /// Whether it only pretends.
    pub simulated: bool,
}

/// A machine that runs VMs: libvirt, or the simulator.
///
/// No call is made twice at once for the same VM, except looking. A call that fails may have happened, wholly or in part:
/// it is judged by looking, never by its answer.
pub trait Machine: Send + Sync + 'static {
    /// Says whose machine this is. Called once, before anything else: domains of other hosts are invisible from then on.
    fn belong(&self, host: HostId);

    /// What the machine is.
    fn about(&self) -> impl Future<Output = Result<About, ObservedError>> + Send;

    /// Every VM of this host.
    fn look(&self) -> impl Future<Output = Result<Vec<Found>, ObservedError>> + Send;

    /// One VM; none when there is no trace of it.
    fn look_at(&self, vm_id: VmId) -> impl Future<Output = Result<Option<Found>, ObservedError>> + Send;

    /// Carries out one step as [`Action`] describes it. Never called with nothing, wait or refuse.
    fn step(&self, action: Action, vm: &DesiredVm) -> impl Future<Output = Result<Step, ObservedError>> + Send;

    /// Destroys the domain, its disk and its log, in an order that leaves a trace until all is gone.
    fn remove(&self, vm_id: VmId) -> impl Future<Output = Result<(), ObservedError>> + Send;

    /// What the serial console printed since the acknowledgement, at most `most` bytes; none when nothing.
    fn console(&self, ack: &ConsoleAck, most: usize) -> impl Future<Output = Option<ConsoleChunk>> + Send;

    /// How busy the machine is.
    fn usage(&self) -> impl Future<Output = Usage> + Send;

    /// Rings when something changed without our doing. May ring too often.
    fn changed(&self) -> Arc<Notify>;
}
