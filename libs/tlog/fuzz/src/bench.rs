//! What the targets measure against.

use std::sync::OnceLock;

use tlog::note::Signer;
use tlog::{Frontier, Growth, Hash, Loaded, PublicKey, leaf_hash};

/// The name of the log of the vectors, whose key is made of bytes that are all 1.
pub const ORIGIN: &str = "cloud.example/audit/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";

/// What the same key signed a single checkpoint for.
pub const OTHER: &str = "cloud.example/other";

/// So many entries has the tree that proofs are tried against.
pub const SIZE: u64 = 100;

pub struct Bench {
    pub leaves: Vec<Hash>,
    pub roots: Vec<Hash>,
    pub tiles: Loaded,
    pub key: PublicKey,
}

pub fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        let leaves: Vec<Hash> = (0..SIZE).map(|at| leaf_hash(&at.to_be_bytes())).collect();
        let mut frontier = Frontier::new();
        let mut roots = vec![frontier.root()];
        let mut growth = Growth::start(&Loaded::default(), 0).expect("begins");
        for leaf in &leaves {
            frontier.push(*leaf);
            growth.push(*leaf);
            roots.push(frontier.root());
        }
        Bench {
            leaves,
            roots,
            tiles: growth.finish().into_iter().collect(),
            key: Signer::from_seed(ORIGIN, &[1; 32]).expect("signs").public(),
        }
    })
}
