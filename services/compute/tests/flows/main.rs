//! Flows over several endpoints: through HTTP, with simulated hosts that run the code real ones run.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot go on ends loudly"
)]

mod capacity;
mod life;
mod races;
mod silence;
mod world;
