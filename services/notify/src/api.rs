//! One file per endpoint.

pub mod dead_letters;
pub mod deliveries;
pub mod events;
pub mod webhooks;
