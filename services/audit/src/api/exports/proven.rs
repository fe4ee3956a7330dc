//! Lines of entries, with what proves them.

use std::collections::BTreeSet;

use crypto::{KeyError, TenantKeys};
use tlog::bundle::{EntryLine, Shown};
use tlog::tiles::{self, WIDTH};
use tlog::{Hash, Loaded, TileId, Tiles as _};

use super::verifiable::{Log, Tx};
use crate::entry::Entry;
use crate::store;

/// These entries, each with its proof that it is in the log of this size.
pub(in crate::api) async fn entries(
    tx: &mut Tx,
    tenant: &Log,
    entries: &[Entry],
    size: i64,
) -> Result<Vec<u8>, fault::Error> {
    let size = size.cast_unsigned();
    let paths = entries
        .iter()
        .flat_map(|entry| tiles::needed_for_inclusion(index(entry), size));
    let needed: BTreeSet<TileId> = paths.chain(leaves(entries)).collect();
    let needed: Vec<TileId> = needed.into_iter().collect();
    let known = store::trees::tiles(tx, tenant, &needed).await?;
    let mut out = Vec::new();
    for entry in entries {
        let proof = tiles::inclusion_proof(&known, index(entry), size).map_err(fault::Error::internal)?;
        line(entry, tx.keys(), (&known, Some(&proof)), &mut out)?;
    }
    Ok(out)
}

/// One line.
pub(super) fn line(
    entry: &Entry,
    keys: Result<&TenantKeys, KeyError>,
    (known, proof): (&Loaded, Option<&[Hash]>),
    out: &mut Vec<u8>,
) -> Result<(), fault::Error> {
    let opened = entry.open(keys)?.and_then(|opened| opened.proof);
    let logged = entry.logged();
    let line = EntryLine {
        // What the tree holds: where the row says something else, the verifier tells where.
        leaf: known.hash(0, index(entry)).unwrap_or_else(|| logged.leaf()),
        entry: logged,
        shown: opened.as_ref().map(|(salt, content)| Shown { salt: *salt, content }),
        proof,
    };
    line.write(out).map_err(fault::Error::internal)
}

/// The entry's place in the tree.
const fn index(entry: &Entry) -> u64 {
    entry.seq.cast_unsigned().saturating_sub(1)
}

/// The tiles with the entries' own hashes.
pub(super) fn leaves(entries: &[Entry]) -> Vec<TileId> {
    let tiles: BTreeSet<u64> = entries.iter().map(|entry| index(entry) / WIDTH).collect();
    tiles.into_iter().map(|index| TileId { level: 0, index }).collect()
}
