//! Verifies anything. What is accepted must be what our own keys signed and our own tree proves, and nothing may panic.
//!
//! The fuzzer calls these functions with what it invents, and the tests of `libs/tlog` with the committed corpus.

use std::sync::OnceLock;

use tlog::bundle::{Trust, verify};
use tlog::note::{Limits, Signer};
use tlog::{
    Checkpoint, Frontier, Growth, Hash, Loaded, Note, PublicKey, leaf_hash, tiles, verify_consistency, verify_inclusion,
};

/// The name of the log of the vectors, whose key is made of bytes that are all 1.
const ORIGIN: &str = "cloud.example/audit/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";

/// What the same key signed a single checkpoint for.
const OTHER: &str = "cloud.example/other";

/// So many entries has the tree that proofs are tried against.
pub const SIZE: u64 = 100;

pub struct Bench {
    pub leaves: Vec<Hash>,
    pub roots: Vec<Hash>,
    pub tiles: Loaded,
    key: PublicKey,
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

/// As a file, believed and not. The key of the vectors signed a few states only; whoever signs here has none of it.
pub fn bundle(data: &[u8]) {
    let believing = verify(data, &Trust::default());
    let pinned = Trust {
        keys: vec![bench().key.clone()],
        ..Trust::default()
    };
    match verify(data, &pinned) {
        Ok(report) => {
            assert!([ORIGIN, OTHER].contains(&report.origin.as_str()));
            assert!(report.size <= 9, "nothing larger was ever signed");
            assert!(report.withheld <= report.entries && report.entries <= report.size);
            assert!(report.signed.iter().all(|signed| signed.pinned));
        }
        Err(found) => assert!(found.line >= 1 && found.seq != Some(0), "{found}"),
    }
    if let Ok(report) = believing {
        assert!(report.warnings.iter().any(|warning| warning.code == "keys_from_file"));
    }
}

/// Two numbers, a leaf and hashes: as both kinds of proof, for any root, and for that of a tree that is known.
pub fn proof(data: &[u8]) {
    let Some((numbers, rest)) = data.split_first_chunk::<16>() else {
        return;
    };
    let numbers = u128::from_be_bytes(*numbers);
    let (from, to) = ((numbers >> 64) as u64, numbers as u64);
    let hashes: Vec<Hash> = rest
        .chunks_exact(32)
        .filter_map(|bytes| Hash::try_from(bytes).ok())
        .collect();
    let Some((leaf, path)) = hashes.split_first() else {
        return;
    };
    let Bench {
        leaves, roots, tiles, ..
    } = bench();
    let _ = verify_inclusion(*leaf, from, to, path, *leaf);
    let _ = verify_consistency(from, to, path, *leaf, *leaf);
    assert!(tiles::needed_for_inclusion(from, to).len() <= 64 * 64);
    assert!(tiles::needed_for_consistency(from, to).len() <= 64 * 64);
    let _ = Frontier::from_parts(from, hashes.clone());

    let index = from % SIZE;
    let place = usize::try_from(index).expect("small");
    let root = *roots.last().expect("a hundred");
    if verify_inclusion(*leaf, index, SIZE, path, root).is_ok() {
        assert_eq!(*leaf, leaves[place], "another leaf was proven");
        assert_eq!(tiles::inclusion_proof(tiles, index, SIZE).as_deref(), Ok(path));
    }
    if verify_consistency(index, SIZE, path, *leaf, root).is_ok() {
        assert_eq!(*leaf, roots[place], "another history was proven");
        assert_eq!(tiles::consistency_proof(tiles, index, SIZE).as_deref(), Ok(path));
    }
}

/// As a note, a checkpoint and a key: what is read is written back as it was.
pub fn note(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if let Ok(note) = Note::parse(text, Limits::default()) {
        assert_eq!(note.to_string(), text);
        let signed = note.verify(&bench().key).is_ok();
        let checkpoint = note.text.parse::<Checkpoint>();
        assert!(!signed || checkpoint.is_ok_and(|checkpoint| checkpoint.size <= 9));
    }
    if let Ok(checkpoint) = text.parse::<Checkpoint>() {
        assert_eq!(checkpoint.to_string(), text);
    }
    if let Ok(key) = text.parse::<PublicKey>() {
        assert_eq!(key.to_string(), text);
    }
}
