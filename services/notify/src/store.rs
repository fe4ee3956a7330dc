//! All SQL.

pub mod letters;
