//! What every feed must do, against a real database.

mod late;
mod once;
mod poison;
mod tail;
mod world;
