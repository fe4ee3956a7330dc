//! One file per endpoint.

pub mod events;
