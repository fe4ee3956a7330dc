//! The audit log: who did, tried or read what, from where and with what end.
//!
//! `routes` lists every path; `api` has one file per endpoint; `store` all SQL; `work` what writes the log and signs
//! for it; the other modules are the domain.

pub mod entry;
pub mod log;
pub mod routes;
pub mod service;
pub mod settings;
pub mod state;

mod api;
mod breach;
mod compliance;
mod csv;
mod events;
mod filter;
mod ocsf;
mod readings;
mod register;
mod retention;
mod search;
mod store;
mod witness;
mod work;

#[cfg(test)]
mod testing;

pub use log::Log;
pub use service::{Deps, Service};
pub use settings::Settings;
