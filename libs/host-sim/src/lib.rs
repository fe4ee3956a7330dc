//! Simulated hypervisors: they enrol, keep a session, carry out intents and report like real ones, by the very code real
//! ones run (`host-runtime`), on a machine that only pretends. They say so wherever they are asked.
//!
//! For tests of the control plane: [`Knobs`] make them slow or unreliable, reproducibly by seed; [`SimHost`] shows what is
//! "on" them. Dropping the future of [`SimHost::run`] is the crash of the process; running again is its restart. The
//! domains outlive it, as they would; [`SimHost::power_cut`] is what ends them.

#[cfg(feature = "control")]
pub mod control;
mod domain;
mod fault;
mod host;
mod knobs;
mod machine;

pub use domain::Domain;
pub use host::SimHost;
pub use host_runtime::Ended;
pub use knobs::{Knobs, Sign};
