//! One module per resource, one file per endpoint.

pub mod projects;
