//! All SQL of audit. Only a transaction reaches it.

pub mod events;
