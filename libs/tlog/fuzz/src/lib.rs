//! Verifies anything. What is accepted must be what our own keys signed and our own tree proves, and nothing may panic.
//!
//! The fuzzer calls these functions with what it invents, and the tests of `libs/tlog` with the committed corpus.

mod bench;

pub use bench::{Bench, SIZE, bench};

use bench::{ORIGIN, OTHER};
use tlog::bundle::{Trust, verify};
use tlog::note::Limits;
use tlog::{Checkpoint, Frontier, Hash, Note, PublicKey, tiles, verify_consistency, verify_inclusion};

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
