//! One module per resource, one file per endpoint.

pub mod auth;
pub mod groups;
pub mod factors;
pub mod internal;
pub mod invitations;
pub mod jwks;
pub mod me;
pub mod projects;
pub mod users;
