//! One module per resource, one file per endpoint.

pub mod checkpoints;
pub mod compliance;
pub mod events;
pub mod exports;
pub mod heads;
pub mod holds;
pub mod keys;
pub mod proofs;
pub mod register;
pub mod retention;
