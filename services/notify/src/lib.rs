//! The live stream of events, and the events that could not be applied.
//!
//! `routes` lists every path; `api` has one file per endpoint; `hub` hands what one reader of the feed finds to every
//! open stream; `stream` is one open stream; `event` says who may hear what, and in which form. `letter` is what the
//! platform's operators see of a dead letter; `store` all SQL.

pub mod routes;
pub mod service;
pub mod settings;
pub mod state;

mod api;
mod event;
mod hub;
mod letter;
mod store;
mod stream;
mod wanted;

#[cfg(test)]
mod testing;

pub use service::{Deps, Service};
pub use settings::Settings;
