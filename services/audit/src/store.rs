//! All SQL of audit. Only a transaction reaches it.

pub mod checkpoints;
pub mod compliance;
pub mod cosignatures;
pub mod events;
pub mod register;
pub mod retention;
pub mod trees;

use tlog::Hash;

/// A hash as columns keep it.
fn hash(bytes: &[u8]) -> Result<Hash, sqlx::Error> {
    Hash::try_from(bytes).map_err(|error| sqlx::Error::Decode(error.into()))
}
