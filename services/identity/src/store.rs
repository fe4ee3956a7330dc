//! All SQL of identity. Only a transaction reaches it.

pub mod projects;
