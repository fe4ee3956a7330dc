//! Tenants, people, sessions and projects.
//!
//! `routes` lists every path; `api` has one file per endpoint; `store` all SQL; the other modules are the domain.

pub mod password;
pub mod project;
pub mod routes;
pub mod service;
pub mod settings;

mod api;
mod store;
#[cfg(test)]
mod testing;

pub use service::{Deps, Service};
pub use settings::Settings;
