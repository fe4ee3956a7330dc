//! A log whose every change shows: a Merkle tree over its entries, signed states of it, and proofs that anybody can
//! check with nothing but public keys.
//!
//! # What it guarantees
//! The tree is that of RFC 9162: [`Entry::leaf`] hashes what an entry says, and [`Frontier::root`] all entries, so that a
//! signed [`Checkpoint`] of one root fixes every entry before it, their order and their number. Two checkpoints of one log
//! either have a consistency proof between them or are two histories, and whoever holds the older one finds that out. An
//! entry's content stays outside: only [`entry::commit`] of it, under a random salt, is in the tree. It can be withheld, kept
//! under ever new keys, or erased by destroying them, and every proof stays what it was.
//!
//! # What it refuses
//! Whatever is not exactly what the writer writes: spare bits of base64, zeros in front of numbers, hashes too many, a
//! signature in a known key's name that is not its. Nothing here panics on what strangers send, and no work is larger than
//! what was sent: proofs are measured before they are computed, notes before they are read.
//!
//! # What it was born from
//! A chain of hashes in a table protects from nobody who can write the table: they recompute it. Only what was signed, and
//! left the building, cannot be recomputed; and only a tree lets it be compared without showing everything to everybody.
//!
//! Nothing here knows a clock, a network or a database: the caller brings times, keys and tiles ([`tiles`]).

pub mod breach;
pub mod bundle;
pub mod checkpoint;
pub mod entry;
mod error;
pub mod evidence;
mod hash;
pub mod note;
mod proof;
pub mod register;
pub mod text;
pub mod tiles;
mod tree;

pub use checkpoint::Checkpoint;
pub use entry::{Entry, commit};
pub use error::Error;
pub use hash::Hash;
pub use note::{Note, PublicKey, Signer};
pub use proof::{MAX_PROOF, verify_consistency, verify_inclusion};
pub use tiles::{Growth, Loaded, Tile, TileId, Tiles};
pub use tree::{Frontier, MAX_SIZE, leaf_hash, node_hash};
