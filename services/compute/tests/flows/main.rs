//! Flows over several endpoints: through HTTP, with simulated hosts that run the code real ones run.

mod capacity;
mod life;
mod races;
mod silence;
mod world;
