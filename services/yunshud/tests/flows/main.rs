//! Flows over the whole platform.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the kit of a test ends loudly too"
)]

mod apart;
mod canaries;
mod credentials;
mod keys;
mod kit;
mod matrix;
mod oauth;
mod oidc;
mod operator_access;
mod policies;
mod restore;
mod rights;
mod tenants;
mod through_the_gateway;
mod witness;
