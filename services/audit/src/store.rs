//! All SQL of audit. Only a transaction reaches it.

pub mod checkpoints;
pub mod events;
pub mod trees;
