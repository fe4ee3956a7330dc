use proptest::prelude::*;

use super::*;
use crate::proof::{verify_consistency, verify_inclusion};
use crate::tree::tests::{leaves, naive_root};
use crate::{leaf_hash, node_hash};

/// RFC 9162, 2.1.3.1, word by word.
fn naive_inclusion(at: usize, leaves: &[Hash]) -> Vec<Hash> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, sibling) = if at < left.len() {
        (naive_inclusion(at, left), right)
    } else {
        (naive_inclusion(at - left.len(), right), left)
    };
    path.push(naive_root(sibling));
    path
}

/// RFC 9162, 2.1.4.1, word by word.
fn naive_consistency(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
    if old == leaves.len() {
        return if whole { Vec::new() } else { vec![naive_root(leaves)] };
    }
    let (left, right) = leaves.split_at(half(leaves.len()));
    let (mut path, sibling) = if old <= left.len() {
        (naive_consistency(old, left, whole), right)
    } else {
        (naive_consistency(old - left.len(), right, false), left)
    };
    path.push(naive_root(sibling));
    path
}

fn half(count: usize) -> usize {
    count.next_power_of_two() / 2
}

/// The tiles of a log, written in stretches of so many entries.
fn grown(leaves: &[Hash], step: usize) -> Loaded {
    let mut tiles = Loaded::default();
    let mut size = 0;
    for stretch in leaves.chunks(step) {
        let mut growth = Growth::start(&tiles, size).unwrap();
        for leaf in stretch {
            growth.push(*leaf);
        }
        size = growth.frontier().size();
        for tile in growth.finish() {
            tiles.insert(tile);
        }
    }
    tiles
}

/// No more than what was asked for.
fn only(tiles: &Loaded, needed: &[TileId]) -> Loaded {
    let tile = |id: &TileId| Tile {
        id: *id,
        hashes: tiles.0[id].clone(),
    };
    needed.iter().map(tile).collect()
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf);
    }
    frontier.root()
}

#[test]
fn proofs_of_all_small_logs_are_those_of_the_naive_tree() {
    let all = leaves(70);
    let tiles = grown(&all, 7);
    for size in 1..=all.len() {
        let (leaves, count) = (&all[..size], size as u64);
        for at in 0..size {
            let proof = inclusion_proof(&tiles, at as u64, count).unwrap();
            assert_eq!(proof, naive_inclusion(at, leaves), "{at} of {size}");
            verify_inclusion(leaves[at], at as u64, count, &proof, naive_root(leaves)).unwrap();
        }
        for old in 1..=size {
            let proof = consistency_proof(&tiles, old as u64, count).unwrap();
            assert_eq!(proof, naive_consistency(old, leaves, true), "{old} of {size}");
            let (old_root, new_root) = (naive_root(&leaves[..old]), naive_root(leaves));
            verify_consistency(old as u64, count, &proof, old_root, new_root).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn proofs_from_exactly_the_needed_tiles_are_those_of_the_naive_tree(
        size in 1_usize..900, at in any::<prop::sample::Index>(), step in 1_usize..400
    ) {
        let all = leaves(size as u64);
        let (tiles, count, at) = (grown(&all, step), size as u64, at.index(size));
        let few = only(&tiles, &needed_for_inclusion(at as u64, count));
        prop_assert_eq!(inclusion_proof(&few, at as u64, count).unwrap(), naive_inclusion(at, &all));

        let few = only(&tiles, &needed_for_consistency(at as u64 + 1, count));
        let proof = consistency_proof(&few, at as u64 + 1, count).unwrap();
        prop_assert_eq!(&proof, &naive_consistency(at + 1, &all, true));
        verify_consistency(at as u64 + 1, count, &proof, root(&all[..=at]), root(&all)).unwrap();

        let few = only(&tiles, &needed_for_frontier(count));
        prop_assert_eq!(frontier(&few, count).unwrap().root(), naive_root(&all));
        prop_assert!(Growth::start(&few, count).is_ok());
    }

    #[test]
    fn t26_a_proof_that_was_spoilt_holds_no_more(
        size in 2_u64..300, at in any::<prop::sample::Index>(), how in 0..6, place in any::<prop::sample::Index>()
    ) {
        let all = leaves(size);
        let tiles = grown(&all, 300);
        let index = at.index(all.len());
        let (leaf, at) = (all[index], index as u64);
        let good = inclusion_proof(&tiles, at, size).unwrap();
        let old = at.max(1);
        let grew = consistency_proof(&tiles, old, size).unwrap();
        let (before, now) = (root(&all[..usize::try_from(old).unwrap()]), root(&all));
        let spoilt = |good: &[Hash]| {
            let mut bad = good.to_vec();
            let place = place.index(bad.len().max(1));
            match how {
                0 => drop(bad.pop()),
                1 => bad.push(leaf_hash(b"more")),
                2 => bad.insert(place, leaf_hash(b"more")),
                3 if bad.len() > 1 => bad.swap(place, (place + 1) % good.len()),
                4 => bad.resize(10_000, leaf_hash(b"many")),
                _ => if let Some(hash) = bad.get_mut(place) { *hash = node_hash(hash, hash) },
            }
            bad
        };
        let bad = spoilt(&good);
        prop_assert!(bad == good || verify_inclusion(leaf, at, size, &bad, now).is_err());
        let bad = spoilt(&grew);
        prop_assert!(bad == grew || verify_consistency(old, size, &bad, before, now).is_err());

        prop_assert!(verify_inclusion(leaf, (at + 1) % size, size, &good, now).is_err());
        prop_assert!(verify_inclusion(leaf_hash(b"other"), at, size, &good, now).is_err());
        prop_assert!(verify_inclusion(leaf, at, size, &good, leaf_hash(b"other")).is_err());
        prop_assert!(verify_consistency(old, size, &grew, leaf_hash(b"other"), now).is_err());
        prop_assert!(verify_consistency(old, size, &grew, before, leaf_hash(b"other")).is_err());
    }

    #[test]
    fn t26_any_numbers_and_hashes_are_judged_and_stop_nothing(
        from in numbers(), to in numbers(), proof in prop::collection::vec(any::<[u8; 32]>(), 0..70)
    ) {
        let proof: Vec<Hash> = proof.into_iter().map(Hash::from).collect();
        let hash = leaf_hash(b"any");
        prop_assert!(verify_inclusion(hash, from, to, &proof, hash).is_err() || (to == 1 && proof.is_empty()));
        prop_assert!(verify_consistency(from, to, &proof, hash, hash).is_err() || from == to);
        let nothing = Loaded::default();
        prop_assert!(needed_for_inclusion(from, to).len() < 64 * 64);
        prop_assert!(needed_for_consistency(from, to).len() < 64 * 64);
        prop_assert!(needed_for_frontier(to).len() < 64);
        prop_assert!(inclusion_proof(&nothing, from, to).is_err() || to == 1);
        prop_assert!(consistency_proof(&nothing, from, to).is_err() || from == 0 || from == to);
        prop_assert!(frontier(&nothing, to).is_err() || to == 0);
    }
}

fn numbers() -> impl Strategy<Value = u64> {
    let near = |edge: u64| (0_u64..3).prop_map(move |off| edge.wrapping_add(off).wrapping_sub(1));
    prop_oneof![
        any::<u64>(),
        near(0),
        near(1),
        near(256),
        near(65536),
        near(1 << 63),
        near(u64::MAX)
    ]
}

#[test]
fn t26_numbers_that_no_log_has_are_refused() {
    let (tiles, hash) = (grown(&leaves(5), 5), leaf_hash(b"x"));
    let nothing = Hash::of(b"");
    for (index, size) in [(0, 0), (5, 5), (u64::MAX, u64::MAX), (0, u64::MAX), (u64::MAX, 5)] {
        assert_eq!(inclusion_proof(&tiles, index, size), Err(Error::Range));
        assert_eq!(verify_inclusion(hash, index, size, &[], hash), Err(Error::Range));
        assert_eq!(needed_for_inclusion(index, size), Vec::new());
    }
    for (from, to) in [(6, 5), (0, u64::MAX), (u64::MAX, u64::MAX), (1, 0)] {
        assert_eq!(consistency_proof(&tiles, from, to), Err(Error::Range));
        assert_eq!(verify_consistency(from, to, &[], hash, hash), Err(Error::Range));
        assert_eq!(needed_for_consistency(from, to), Vec::new());
    }
    assert_eq!(frontier(&tiles, u64::MAX), Err(Error::Range));
    assert_eq!(verify_consistency(0, 0, &[], nothing, nothing), Ok(()));
    assert_eq!(verify_consistency(0, 0, &[], nothing, hash), Err(Error::Proof));
    assert_eq!(verify_consistency(0, 5, &[], nothing, hash), Ok(()));
    assert_eq!(verify_consistency(0, 5, &[], hash, hash), Err(Error::Proof));
    assert_eq!(verify_consistency(5, 5, &[hash], hash, hash), Err(Error::Proof));
    let missing = TileId { level: 0, index: 0 };
    assert_eq!(inclusion_proof(&tiles, 0, 9), Err(Error::Missing(missing)));
}

#[test]
fn tiles_of_a_large_log_are_few_and_full_ones_are_written_once() {
    let all = leaves(256 * 256 + 300);
    let mut growth = Growth::start(&Loaded::default(), 0).unwrap();
    for leaf in &all {
        growth.push(*leaf);
    }
    let written = growth.finish();
    let lengths: Vec<(u8, u64, usize)> = written
        .iter()
        .map(|tile| (tile.id.level, tile.id.index, tile.hashes.len()))
        .filter(|tile| tile.2 < 256 || tile.0 > 0)
        .collect();
    assert_eq!(lengths, [(1, 0, 256), (0, 257, 44), (1, 1, 1), (2, 0, 1)]);
    assert_eq!(written.len(), 257 + 4);
    let tiles: Loaded = written.into_iter().collect();
    let size = all.len() as u64;
    assert_eq!(needed_for_inclusion(65_000, size).len(), 4);
    let proof = inclusion_proof(&tiles, 65_000, size).unwrap();
    verify_inclusion(all[65_000], 65_000, size, &proof, root(&all)).unwrap();
    let proof = consistency_proof(&tiles, 65_536, size).unwrap();
    verify_consistency(65_536, size, &proof, root(&all[..65_536]), root(&all)).unwrap();
}

#[test]
fn tiles_are_kept_as_bytes() {
    let id = TileId { level: 1, index: 7 };
    let tile = Tile { id, hashes: leaves(3) };
    assert_eq!(Tile::from_bytes(id, &tile.to_bytes()), Ok(tile.clone()));
    assert_eq!(Tile::from_bytes(id, &tile.to_bytes()[1..]), Err(Error::Hash));
    assert_eq!(Tile::from_bytes(id, &[0; 257 * 32]), Err(Error::Range));
}
