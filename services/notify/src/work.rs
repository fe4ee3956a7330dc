//! What is done later, one worker per file.

pub mod enqueue;
pub mod send;
pub mod sweep;
