//! The wire: one folder per resource, one file per endpoint; `<resource>.rs` holds the wire types.

// The platform's side.
pub mod enrolments;
pub mod flavors;
pub mod hosts;
pub mod hypervisor;
pub mod images;
pub mod pools;

// The tenants' side.
pub mod operations;
pub mod quotas;
pub mod vms;
