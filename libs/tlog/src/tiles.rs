//! Hashes kept in tiles of 256, as c2sp.org/tlog-tiles lays them out, and proofs from them.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{MAX_SIZE, fold, join};
use crate::{Error, Frontier, Hash};

/// So many hashes has a full tile.
pub const WIDTH: u64 = 256;

/// Names a tile: the hashes `index * 256 ..` of subtrees of `256^level` entries each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// 0 holds the hashes of entries.
    pub level: u8,
    /// Its place in its level.
    pub index: u64,
}

/// A tile as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tile {
    /// Which.
    pub id: TileId,
    /// Up to 256, in order.
    pub hashes: Vec<Hash>,
}

/// Where hashes come from.
pub trait Tiles {
    /// The hash number `index` of tile level `level`: the root of a full subtree of `256^level` entries.
    fn hash(&self, level: u8, index: u64) -> Option<Hash>;
}

/// Tiles in memory: what was needed, loaded first.
#[derive(Debug, Clone, Default)]
pub struct Loaded(BTreeMap<TileId, Vec<Hash>>);

impl Loaded {
    /// Takes one in; in place of an older state of it.
    pub fn insert(&mut self, tile: Tile) {
        self.0.insert(tile.id, tile.hashes);
    }
}

impl FromIterator<Tile> for Loaded {
    fn from_iter<I: IntoIterator<Item = Tile>>(tiles: I) -> Self {
        Self(tiles.into_iter().map(|tile| (tile.id, tile.hashes)).collect())
    }
}

impl Tiles for Loaded {
    fn hash(&self, level: u8, index: u64) -> Option<Hash> {
        let tile = TileId {
            level,
            index: index / WIDTH,
        };
        let place = usize::try_from(index % WIDTH).ok()?;
        self.0.get(&tile)?.get(place).copied()
    }
}

impl Tile {
    /// Its hashes one behind the other.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
    }

    /// From what [`Tile::to_bytes`] gave.
    pub fn from_bytes(id: TileId, bytes: &[u8]) -> Result<Self, Error> {
        let hashes: Vec<Hash> = bytes.chunks(32).map(Hash::try_from).collect::<Result<_, _>>()?;
        if hashes.len() as u64 > WIDTH {
            return Err(Error::Range);
        }
        Ok(Self { id, hashes })
    }
}

/// A full subtree: its first entry, and the binary logarithm of how many it has.
#[derive(Clone, Copy)]
struct Subtree {
    first: u64,
    height: u32,
}

impl Subtree {
    fn level(self) -> u8 {
        // At most 7.
        u8::try_from(self.height / 8).unwrap_or(u8::MAX)
    }

    fn hashes(self) -> std::ops::Range<u64> {
        let first = self.first >> (8 * u32::from(self.level()));
        first..first + (1 << (self.height % 8))
    }

    /// All its hashes are in one tile, for it begins at a multiple of its size.
    fn tile(self) -> TileId {
        TileId {
            level: self.level(),
            index: self.hashes().start / WIDTH,
        }
    }

    fn root(self, tiles: &impl Tiles) -> Result<Hash, Error> {
        let level = self.level();
        let found: Option<Vec<Hash>> = self.hashes().map(|index| tiles.hash(level, index)).collect();
        found
            .and_then(|mut hashes| fold(&mut hashes))
            .ok_or(Error::Missing(self.tile()))
    }
}

/// The full subtrees over the entries `from..to`, largest first, where `from` is a multiple of the largest.
fn subtrees(from: u64, to: u64) -> Vec<Subtree> {
    let mut found = Vec::new();
    let mut first = from;
    while first < to {
        let height = (to - first).ilog2();
        found.push(Subtree { first, height });
        first += 1 << height;
    }
    found
}

/// The largest power of two below `count`, which is two or more.
const fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The stretches of entries whose roots prove that the entry is in the log, nearest first (RFC 9162, 2.1.3.1).
fn inclusion(index: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while to - from > 1 {
        let middle = from + split(to - from);
        if index < middle {
            path.push((middle, to));
            to = middle;
        } else {
            path.push((from, middle));
            from = middle;
        }
    }
    path.reverse();
    path
}

/// The stretches whose roots prove that a log only grew (RFC 9162, 2.1.4.1).
fn consistency(old: u64, size: u64) -> Vec<(u64, u64)> {
    let (mut from, mut to) = (0, size);
    let mut path = Vec::new();
    while old < to {
        let middle = from + split(to - from);
        if old <= middle {
            path.push((middle, to));
            to = middle;
        } else {
            path.push((from, middle));
            from = middle;
        }
    }
    // The old log itself, where it is not a full subtree from the start: its root is known.
    if from > 0 {
        path.push((from, to));
    }
    path.reverse();
    path
}

fn tiles_of(path: &[(u64, u64)]) -> Vec<TileId> {
    let all = path.iter().flat_map(|(from, to)| subtrees(*from, *to));
    let tiles: BTreeSet<TileId> = all.map(Subtree::tile).collect();
    tiles.into_iter().collect()
}

fn roots_of(tiles: &impl Tiles, path: &[(u64, u64)]) -> Result<Vec<Hash>, Error> {
    let root = |(from, to): &(u64, u64)| {
        let hashes: Vec<Hash> = subtrees(*from, *to)
            .into_iter()
            .map(|subtree| subtree.root(tiles))
            .collect::<Result<_, _>>()?;
        join(&hashes).ok_or(Error::Range)
    };
    path.iter().map(root).collect()
}

const fn is_in(index: u64, size: u64) -> bool {
    index < size && size <= MAX_SIZE
}

const fn grows(from: u64, to: u64) -> bool {
    from <= to && to <= MAX_SIZE
}

/// The tiles that [`inclusion_proof`] reads; none if the log has no such entry.
pub fn needed_for_inclusion(index: u64, size: u64) -> Vec<TileId> {
    if !is_in(index, size) {
        return Vec::new();
    }
    tiles_of(&inclusion(index, size))
}

/// The tiles that [`consistency_proof`] reads.
pub fn needed_for_consistency(from: u64, to: u64) -> Vec<TileId> {
    if !grows(from, to) || from == 0 {
        return Vec::new();
    }
    tiles_of(&consistency(from, to))
}

/// The tiles that [`frontier`] and [`Growth::start`] read: the last of each level.
pub fn needed_for_frontier(size: u64) -> Vec<TileId> {
    if size > MAX_SIZE {
        return Vec::new();
    }
    tiles_of(&[(0, size)])
}

/// Proves that the entry at `index` (its number less one) is in the log of `size` entries. At most 63 hashes.
pub fn inclusion_proof(tiles: &impl Tiles, index: u64, size: u64) -> Result<Vec<Hash>, Error> {
    if !is_in(index, size) {
        return Err(Error::Range);
    }
    roots_of(tiles, &inclusion(index, size))
}

/// Proves that the log of `to` entries begins with the log of `from` entries. Empty where that needs no proof: from
/// nothing, and from itself.
pub fn consistency_proof(tiles: &impl Tiles, from: u64, to: u64) -> Result<Vec<Hash>, Error> {
    if !grows(from, to) {
        return Err(Error::Range);
    }
    if from == 0 || from == to {
        return Ok(Vec::new());
    }
    roots_of(tiles, &consistency(from, to))
}

/// The frontier of the first `size` entries.
pub fn frontier(tiles: &impl Tiles, size: u64) -> Result<Frontier, Error> {
    if size > MAX_SIZE {
        return Err(Error::Range);
    }
    let hashes: Result<Vec<Hash>, Error> = subtrees(0, size)
        .into_iter()
        .map(|subtree| subtree.root(tiles))
        .collect();
    Frontier::from_parts(size, hashes?)
}

/// A log that grows: from the last tile of each level and new entries to the tiles that change.
#[derive(Debug, Clone)]
pub struct Growth {
    frontier: Frontier,
    /// The unfinished tile of each level, and whether it changed.
    tails: Vec<(Tile, bool)>,
    full: Vec<Tile>,
}

impl Growth {
    /// From a log of `size` entries, of which `tiles` has at least [`needed_for_frontier`].
    pub fn start(tiles: &impl Tiles, size: u64) -> Result<Self, Error> {
        let frontier = frontier(tiles, size)?;
        let tails = (0..8)
            .map(|level| {
                let count = size >> (8 * u32::from(level));
                let index = count / WIDTH;
                let id = TileId { level, index };
                let hashes: Option<Vec<Hash>> = (index * WIDTH..count).map(|index| tiles.hash(level, index)).collect();
                let hashes = hashes.ok_or(Error::Missing(id))?;
                Ok((Tile { id, hashes }, false))
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            frontier,
            tails,
            full: Vec::new(),
        })
    }

    /// One entry more.
    pub fn push(&mut self, leaf: Hash) {
        self.frontier.push(leaf);
        let mut hash = Some(leaf);
        for (tail, changed) in &mut self.tails {
            let Some(new) = hash.take() else {
                return;
            };
            tail.hashes.push(new);
            *changed = true;
            if tail.hashes.len() as u64 == WIDTH {
                let next = Tile {
                    id: TileId {
                        index: tail.id.index + 1,
                        ..tail.id
                    },
                    hashes: Vec::new(),
                };
                let full = std::mem::replace(tail, next);
                hash = fold(&mut full.hashes.clone());
                self.full.push(full);
                *changed = false;
            }
        }
    }

    /// The log as it is now: its size and its root.
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// The tiles to write, each whole: a full one is never written again.
    pub fn finish(self) -> Vec<Tile> {
        let changed = self.tails.into_iter().filter(|(_, changed)| *changed);
        self.full.into_iter().chain(changed.map(|(tile, _)| tile)).collect()
    }
}

#[cfg(test)]
mod tests;
