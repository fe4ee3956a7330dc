//! The walls between tenants, as the database itself has them.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod bell;
mod catalogue;
mod content;
mod group;
mod keys;
mod pool;
mod replies;
mod rows;
mod sealing;
mod tables;
