//! One module per resource, one file per endpoint.

pub mod events;
pub mod exports;
