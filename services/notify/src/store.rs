//! All SQL.

pub mod deliveries;
pub mod letters;
pub mod sending;
pub mod webhooks;
