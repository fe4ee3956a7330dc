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

use web::Sort;

/// The key of a row in this order: what a page's token remembers of its last row.
fn key(sort: Sort, id: impl std::fmt::Display, name: &str) -> Vec<String> {
    match sort {
        Sort::CreatedAt | Sort::CreatedAtDescending => vec![id.to_string()],
        Sort::Name | Sort::NameDescending => vec![name.to_owned()],
    }
}
