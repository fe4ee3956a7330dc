//! What every feed must do, against a real database.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test says by panicking what is wrong"
)]

mod late;
mod once;
mod poison;
mod sweep;
mod tail;
mod world;
