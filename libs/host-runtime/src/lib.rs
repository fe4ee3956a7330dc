//! What every hypervisor, real or simulated, has in common: how it proves who it is, how it talks to the control plane,
//! and how it makes its machine look like what it was told.
//!
//! - [`identity`]: the key and self-signed certificate that are the host's credential.
//! - [`client`]: the calls of `host-api`, with deadlines and bounds.
//! - [`machine`]: what a machine must be able to do; libvirt and the simulator both are one.
//! - [`enrol`]: becoming a host, once.
//! - `reconcile`: looks, asks [`host_api::action`], does one step, looks again; one VM never has two steps at once.
//! - `report`: the heartbeat, the console, and the orphans' way out.
//! - [`run`]: a session from its start to its end.
//!
//! Nothing here is remembered across a restart but the identity: what is comes from the machine, what should be from the
//! control plane.

pub mod backoff;
mod board;
pub mod client;
pub mod enrol;
pub mod identity;
pub mod machine;
mod reconcile;
mod report;
pub mod run;

pub use client::{CallError, Client};
pub use enrol::StateDir;
pub use identity::Identity;
pub use machine::{Found, Machine, Step};
pub use run::{Ended, run};
