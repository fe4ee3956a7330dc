//! The wire: one folder per resource, one file per endpoint; `<resource>.rs` holds the wire types.

// The platform's side.

// The tenants' side.
pub mod operations;
pub mod quotas;
pub mod vms;
