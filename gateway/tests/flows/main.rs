//! The gateway as its clients and services see it: over sockets, with services that record what reaches them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod stack;

mod api_keys;
mod credentials;
mod forwarding;
mod hostile;
mod limits;
mod log;
mod operator_access;
mod pages;
mod refusals;
mod slow;
mod smuggling;
mod start;
mod tls;
mod upstreams;
