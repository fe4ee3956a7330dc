//! Proofs about the log: wire types and endpoints.

pub mod consistency;
pub mod inclusion;

use auth::Action;
use db::{Granted, Read, Tenant};
use serde::Serialize;
use tlog::Hash;
use utoipa::ToSchema;

use super::checkpoints;
use crate::store::{self, checkpoints::Signed};

/// Proves that an entry is in the log that a checkpoint covers (RFC 9162, section 2.1.3).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InclusionProof {
    /// The entry's number.
    #[schema(example = 17)]
    pub seq: i64,
    /// How many entries the checkpoint covers.
    #[schema(example = 1000)]
    pub size: i64,
    /// The entry's hash in the tree, in base64.
    #[schema(example = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")]
    pub leaf: String,
    /// The hashes from the leaf to the root, in base64.
    pub hashes: Vec<String>,
    /// The signed note of the checkpoint whose root they lead to.
    pub checkpoint: String,
}

/// Proves that the log only grew from one checkpoint to another (RFC 9162, section 2.1.4).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConsistencyProof {
    /// The size of the earlier checkpoint.
    #[schema(example = 1000)]
    pub from: i64,
    /// The size of the later one.
    #[schema(example = 2000)]
    pub to: i64,
    /// The hashes, in base64.
    pub hashes: Vec<String>,
    /// The signed note of the later checkpoint.
    pub checkpoint: String,
}

pub(super) fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(ToString::to_string).collect()
}

/// The checkpoint of the size that is asked for, if it covers this number.
async fn covering<A: Action>(
    tx: &mut Read<A>,
    tenant: &Granted<Tenant, A>,
    size: Option<i64>,
    number: i64,
) -> Result<Signed, fault::Error> {
    let signed = store::checkpoints::lookup(tx, tenant, size).await?;
    signed
        .filter(|signed| (1..=signed.size).contains(&number))
        .ok_or_else(|| fault::Error::not_found("proof"))
}

/// The size of a checkpoint that a query asks for; none for the latest.
pub(super) fn size(text: &str, name: &str) -> Result<Option<i64>, fault::Error> {
    checkpoints::size(text).map_err(|rule| fault::Error::invalid(name, rule))
}
