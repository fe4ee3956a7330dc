//! All SQL of identity. Only a transaction reaches it.

pub mod guesses;
pub mod keys;
pub mod people;
pub mod projects;
pub mod replies;
pub mod rights;
pub mod sessions;
pub mod tenants;
