//! The contract between compute and a hypervisor.
//!
//! A hypervisor is told what should be, never what to do. It long-polls the **complete** set of virtual machines meant
//! for its host ([`Desired`]), makes the host look like it, and reports what it sees ([`Observed`]). Both messages
//! are statements about state: losing, repeating or reordering one costs time, never correctness.
//!
//! | call | body | answer |
//! |---|---|---|
//! | `POST /hypervisor/enrol` | [`Enrol`] | [`Enrolled`]; binds the client certificate to a new host |
//! | `POST /hypervisor/session` | [`StartSession`] | [`Session`]; every start of the process takes a higher epoch |
//! | `GET /hypervisor/desired` | [`DesiredQuery`] | [`Desired`]; long poll |
//! | `POST /hypervisor/observed` | [`Observed`] | [`Accepted`]; every 5 s and at once on change: the heartbeat |
//! | `GET /hypervisor/images/{sha256}` | - | the bytes of one image file |
//!
//! Paths are below the API base. Four rules keep a virtual machine from being lost or doubled:
//!
//! 1. **One process speaks for a host.** A [`SessionEpoch`] lower than the newest is answered 409 with the problem code
//!    [`STALE_SESSION`]; the process that reads it stops for good: it is the zombie.
//! 2. **A placement is newer or it is nothing.** Each time a VM is placed on a host its [`PlacementEpoch`] rises, and each
//!    change of intent raises its [`Generation`]. Both are written into the domain. A desired VM with lower numbers than
//!    the domain carries is refused ([`action`]), whoever sent it and however late.
//! 3. **Silence destroys nothing.** A domain is removed because the set says `absent`, or because the answer to a report
//!    names it in [`Accepted::remove`]. A domain that is merely missing from the set (the control plane came back from a
//!    backup, a bug dropped a row) is an orphan: it keeps running and is reported until somebody decides.
//! 4. **Absence is said, not inferred.** For a desired VM without a domain the report says [`ObservedPower::Absent`]; when
//!    libvirt does not answer it says [`ObservedPower::Unknown`]. A VM missing from a report means nothing.

pub mod action;
mod console;
mod desired;
mod enrol;
mod image;
mod observed;
mod session;

pub use action::{Action, Actual, ActualPower, Refusal, action};
pub use console::{ConsoleAck, ConsoleBytes, ConsoleChunk, ConsoleTail};
pub use desired::{Desired, DesiredPower, DesiredQuery, DesiredVm, Generation, PlacementEpoch, Revision, Shape};
pub use enrol::{Capacity, DomainType, Enrol, Enrolled};
pub use image::{BootImage, ImageFile, NotASha256, Sha256};
pub use observed::{
    Accepted, ErrorCode, Observed, ObservedError, ObservedPower, ObservedVm, Remove, StopCause, Timings, Usage,
};
pub use session::{Session, SessionEpoch, StartSession};

/// A hypervisor reports at least this often, and at once on change. Seconds.
pub const REPORT_EVERY_S: u64 = 5;

/// The longest a `GET /hypervisor/desired` may wait. Milliseconds; the server caps larger values.
pub const MAX_WAIT_MS: u64 = 30_000;

/// How much of a serial console is shipped in one chunk and kept by either side. Bytes.
pub const CONSOLE_TAIL: usize = 64 * 1024;

/// How much console one report carries over all its VMs. Bytes before base64; the rest follows in the next report.
/// With room for a thousand VMs beside it, a report stays below the 1 MiB that services read.
pub const CONSOLE_PER_REPORT: usize = 256 * 1024;

/// The problem code (with status 409) that tells a process that a newer one speaks for its host.
pub const STALE_SESSION: &str = "stale_session";

/// The longest [`ObservedError::detail`]. Bytes.
pub const MAX_DETAIL: usize = 1024;
