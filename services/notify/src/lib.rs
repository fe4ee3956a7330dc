//! The live stream of events, webhooks, and the events that could not be applied.
//!
//! `routes` lists every path; `api` has one file per endpoint; `hub` hands what one reader of the feed finds to every
//! open stream; `stream` is one open stream; `event` says who may hear what, and in which form. `letter` is what the
//! platform's operators see of a dead letter; `store` all SQL.
//!
//! `webhook` is an address that is told what happens, `delivery` one event for it; `work` writes deliveries down and sends them,
//! `outbound` is the way to receivers.

pub mod routes;
pub mod service;
pub mod settings;
pub mod state;

mod api;
mod delivery;
mod event;
mod hub;
mod letter;
mod outbound;
mod store;
mod stream;
mod wanted;
mod webhook;
mod work;

#[cfg(test)]
mod testing;

pub use service::{Deps, Service};
pub use settings::Settings;
