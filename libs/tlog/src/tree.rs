use crate::{Error, Hash};

/// Logs end here. Sizes are kept as signed numbers by databases.
pub const MAX_SIZE: u64 = i64::MAX as u64;

/// The hash of an entry: SHA-256 over 0x00 and its bytes (RFC 9162, 2.1.1).
pub fn leaf_hash(data: &[u8]) -> Hash {
    let mut whole = Vec::with_capacity(data.len() + 1);
    whole.push(0);
    whole.extend_from_slice(data);
    Hash::of(&whole)
}

/// The hash over two subtrees: SHA-256 over 0x01, left and right.
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut whole = [1; 65];
    whole[1..33].copy_from_slice(left.as_bytes());
    whole[33..65].copy_from_slice(right.as_bytes());
    Hash::of(&whole)
}

/// The root over hashes whose number is a power of two.
pub(crate) fn fold(hashes: &mut Vec<Hash>) -> Option<Hash> {
    while hashes.len() > 1 {
        let above = hashes.chunks_exact(2).filter_map(|pair| match pair {
            [left, right] => Some(node_hash(left, right)),
            _ => None,
        });
        *hashes = above.collect();
    }
    hashes.first().copied()
}

/// The root over subtrees of falling size, as [`Frontier`] keeps them.
pub(crate) fn join(hashes: &[Hash]) -> Option<Hash> {
    hashes
        .iter()
        .rev()
        .copied()
        .reduce(|right, left| node_hash(&left, &right))
}

/// What must be kept of the first `size` entries to go on: the roots of the full subtrees that they make, largest
/// first, one per bit of `size`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// Of the empty log.
    pub const fn new() -> Self {
        Self {
            size: 0,
            hashes: Vec::new(),
        }
    }

    /// As it was kept: size and hashes must fit each other.
    pub fn from_parts(size: u64, hashes: Vec<Hash>) -> Result<Self, Error> {
        if size > MAX_SIZE {
            return Err(Error::Range);
        }
        if hashes.len() != size.count_ones() as usize {
            return Err(Error::Frontier);
        }
        Ok(Self { size, hashes })
    }

    /// How many entries.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, largest first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// One entry more.
    pub fn push(&mut self, leaf: Hash) {
        self.size = self.size.saturating_add(1);
        self.hashes.push(leaf);
        for _ in 0..self.size.trailing_zeros() {
            if let (Some(right), Some(left)) = (self.hashes.pop(), self.hashes.pop()) {
                self.hashes.push(node_hash(&left, &right));
            }
        }
    }

    /// The root over all entries; of the empty log it is the hash of nothing.
    pub fn root(&self) -> Hash {
        join(&self.hashes).unwrap_or_else(|| Hash::of(b""))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// RFC 9162, 2.1.1, word by word.
    pub fn naive_root(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Hash::of(b""),
            [leaf] => *leaf,
            _ => {
                let mut half = 1;
                while half * 2 < leaves.len() {
                    half *= 2;
                }
                node_hash(&naive_root(&leaves[..half]), &naive_root(&leaves[half..]))
            }
        }
    }

    pub fn leaves(count: u64) -> Vec<Hash> {
        (0..count).map(|at| leaf_hash(&at.to_be_bytes())).collect()
    }

    /// The eight inputs that implementations of Certificate Transparency are tried with, and their roots.
    #[test]
    fn roots_are_those_of_certificate_transparency() {
        let inputs: [&[u8]; 8] = [
            b"",
            b"\x00",
            b"\x10",
            b"\x20\x21",
            b"\x30\x31",
            b"\x40\x41\x42\x43",
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let roots = [
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        let mut frontier = Frontier::new();
        assert_eq!(frontier.root(), Hash::of(b""));
        for (input, root) in inputs.iter().zip(roots) {
            frontier.push(leaf_hash(input));
            assert_eq!(format!("{:?}", frontier.root()), root);
        }
    }

    #[test]
    fn a_frontier_grows_as_the_naive_tree_does() {
        let leaves = leaves(600);
        let mut frontier = Frontier::new();
        for (size, leaf) in leaves.iter().enumerate() {
            assert_eq!(frontier.root(), naive_root(&leaves[..size]), "{size}");
            let kept = Frontier::from_parts(frontier.size(), frontier.hashes().to_vec());
            assert_eq!(kept.as_ref(), Ok(&frontier));
            frontier.push(*leaf);
        }
        assert_eq!(Frontier::from_parts(3, vec![leaves[0]]), Err(Error::Frontier));
        assert_eq!(Frontier::from_parts(u64::MAX, vec![leaves[0]; 64]), Err(Error::Range));
    }
}
