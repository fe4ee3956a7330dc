//! Pools, hosts, images and virtual machines.
//!
//! - The platform's side: [`pool`], [`host`], [`flavor`], [`image`], what operators make and hypervisors speak of.
//! - The tenants' side: virtual machines, their placement, quotas and operations.
//! - `api` answers, `store` keeps, `work` does what must happen later; [`blobs`] keeps the bytes of images.
//!
//! `README.md` says which tables, topics, settings and endpoints are this service's.

pub mod routes;
pub mod service;
pub mod settings;
pub mod state;

mod api;
mod store;
mod work;

// The platform's side.
mod blobs;
mod check;
mod flavor;
mod host;
mod image;
mod pool;

// The tenants' side.
mod events;
mod operation;
mod placement;
pub mod quota;
mod vm;

#[cfg(test)]
mod testing;

pub use service::{Deps, Service};
pub use settings::Settings;
