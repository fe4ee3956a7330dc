//! What is done later, one worker per file.

pub mod close;
pub mod errands;
pub mod external_keys;
pub mod keys;
pub mod names;
pub mod sweep;
