//! One file per endpoint.

pub mod dead_letters;
pub mod events;
