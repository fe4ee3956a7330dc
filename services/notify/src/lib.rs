//! The live stream of events.
//!
//! `routes` lists every path; `api` has one file per endpoint; `hub` hands what one reader of the feed finds to every
//! open stream; `stream` is one open stream; `event` says who may hear what, and in which form.

pub mod routes;
pub mod service;
pub mod settings;
pub mod state;

mod api;
mod event;
mod hub;
mod stream;
mod wanted;

#[cfg(test)]
mod testing;

pub use service::{Deps, Service};
pub use settings::Settings;
