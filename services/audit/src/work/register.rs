//! Writes the newest checkpoint of each tenant's log into the register, and signs for that.
//!
//! One commit has the leaves, whose they are, the tiles and the register's checkpoint: whoever dies before it has done nothing,
//! and of two who try one does. A checkpoint that was overtaken before its turn is covered by the one that overtook it. So
//! whatever was signed for is in the register some seconds later, or the newest checkpoint of its log is not, and that shows.

use std::time::Duration;

use chrono::TimeDelta;
use db::{Reason, SystemTx};
use tlog::Growth;
use tlog::register::{Head, Leaf};

use super::grow::sign;
use crate::state::Audit;
use crate::store::checkpoints;
use crate::store::register::{self, Waiting};
use crate::store::trees::{self, Tree};

pub const LOOK: Duration = Duration::from_secs(1);
/// Heads that one checkpoint of the register may cover more than the last.
const MOST: i64 = 5_000;

/// Registers what waits: true where there may be more.
pub async fn round(audit: &Audit) -> Result<bool, fault::Error> {
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    let before = tx.now() - TimeDelta::seconds(audit.pace.seconds.into());
    let Some(tree) = register::claim(&mut tx, before).await? else {
        return Ok(false);
    };
    let waiting = register::waiting(&mut tx, MOST).await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let Some(mut growth) = start(&mut tx, tree).await? else {
        tracing::error!(size = tree.size, "the register of all logs was tampered with");
        return Ok(false);
    };
    let many = waiting.len();
    let leaves = place(&mut tx, waiting, tree.size).await?;
    register::append(&mut tx, tree.size, &leaves).await?;
    for leaf in &leaves {
        growth.push(leaf.hash());
    }
    sign(&mut tx, audit, tree, growth).await?;
    tx.commit().await?;
    Ok(i64::try_from(many).is_ok_and(|many| many >= MOST))
}

/// The register as it was signed for last; none if it is not that any more.
async fn start(tx: &mut SystemTx, tree: Tree) -> Result<Option<Growth>, fault::Error> {
    let size = tree.size.cast_unsigned();
    let tiles = trees::tiles_of(tx, tree, &tlog::tiles::needed_for_frontier(size)).await?;
    let signed = checkpoints::of(tx, tree.tenant, tree.size).await?;
    let growth = Growth::start(&tiles, size).ok();
    Ok(growth.filter(|growth| size == 0 || signed.is_some_and(|signed| signed.root == growth.frontier().root())))
}

/// The leaves of these heads in an order that says nothing of whose they are, and a note of which is whose.
async fn place(tx: &mut SystemTx, waiting: Vec<Waiting>, from: i64) -> Result<Vec<Leaf>, fault::Error> {
    let time = tx.now().timestamp().unsigned_abs();
    let (mut begun, mut heads) = (Vec::new(), Vec::new());
    for one in waiting {
        let tenant = one.tenant.as_uuid().into_bytes();
        let blind = one.blind.unwrap_or_else(crypto::random);
        if one.blind.is_none() {
            begun.push((Leaf::of_tenant(&tenant, &blind), one.tenant, blind));
        }
        let head = Head {
            time,
            size: one.size.cast_unsigned(),
            root: one.root,
        };
        heads.push((Leaf::of_head(&tenant, &blind, &head), one.tenant, one.size));
    }
    begun.sort_unstable_by_key(|(leaf, ..)| leaf.label);
    heads.sort_unstable_by_key(|(leaf, ..)| leaf.label);
    let mut leaves = Vec::with_capacity(begun.len() + heads.len());
    let mut index = from;
    for (leaf, tenant, blind) in begun {
        register::begin(tx, tenant, &blind, index).await?;
        leaves.push(leaf);
        index += 1;
    }
    for (leaf, tenant, size) in heads {
        register::insert(tx, tenant, size, index).await?;
        leaves.push(leaf);
        index += 1;
    }
    Ok(leaves)
}

#[cfg(test)]
mod tests;
