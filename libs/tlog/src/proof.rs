use crate::tree::{MAX_SIZE, node_hash};
use crate::{Error, Hash};

/// More hashes no honest proof has. What is longer is refused before anything is computed.
pub const MAX_PROOF: usize = 64;

/// Whether the entry with this leaf is in the log of this size and root, at `index` (its number less one)
/// (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> Result<(), Error> {
    if index >= size || size > MAX_SIZE {
        return Err(Error::Range);
    }
    if proof.len() > MAX_PROOF {
        return Err(Error::Proof);
    }
    let (mut at, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return Err(Error::Proof);
        }
        if at & 1 == 1 || at == last {
            hash = node_hash(sibling, &hash);
            // On the right edge: up to where the edge has a left neighbour again.
            let up = at.trailing_zeros().min(63);
            if at & 1 == 0 {
                at >>= up;
                last >>= up;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == root {
        Ok(())
    } else {
        Err(Error::Proof)
    }
}

/// Whether the log of `to` entries and root `new` begins with the log of `from` entries and root `old`
/// (RFC 9162, 2.1.4.2).
pub fn verify_consistency(from: u64, to: u64, proof: &[Hash], old: Hash, new: Hash) -> Result<(), Error> {
    if from > to || to > MAX_SIZE {
        return Err(Error::Range);
    }
    if from == 0 || from == to {
        let same = if from == 0 { old == Hash::of(b"") } else { old == new };
        // An empty log has one root, whichever end of the proof it stands at.
        let empty = to > 0 || new == Hash::of(b"");
        return if same && empty && proof.is_empty() {
            Ok(())
        } else {
            Err(Error::Proof)
        };
    }
    if proof.len() > MAX_PROOF {
        return Err(Error::Proof);
    }
    let up = (from - 1).trailing_ones();
    let (mut at, mut last) = ((from - 1) >> up, (to - 1) >> up);
    // A log whose size is a power of two is a subtree of the new one: its root begins the proof, and goes without saying.
    let (first, rest) = if from.is_power_of_two() {
        (&old, proof)
    } else {
        proof.split_first().ok_or(Error::Proof)?
    };
    let (mut of_old, mut of_new) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return Err(Error::Proof);
        }
        if at & 1 == 1 || at == last {
            of_old = node_hash(sibling, &of_old);
            of_new = node_hash(sibling, &of_new);
            let up = at.trailing_zeros().min(63);
            if at & 1 == 0 {
                at >>= up;
                last >>= up;
            }
        } else {
            of_new = node_hash(&of_new, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && of_old == old && of_new == new {
        Ok(())
    } else {
        Err(Error::Proof)
    }
}
