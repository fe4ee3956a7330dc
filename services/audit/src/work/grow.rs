//! Lets each tenant's tree grow by the entries that wait, and signs for what it is then.
//!
//! Before it signs anew it holds the tree against the last checkpoint, and the entries against their numbers: over a log
//! that was tampered with it signs nothing more, raises the alarm and leaves it to people.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use db::{Reason, SystemTx};
use tlog::{Growth, Hash};
use tokio_util::sync::CancellationToken;

use crate::state::Audit;
use crate::store::checkpoints::{self, Signed};
use crate::store::events;
use crate::store::trees::{self, Pace, Tree};

/// How long entries may wait unseen by this worker: less than any checkpoint may be apart.
const LOOK: Duration = Duration::from_millis(500);
/// Entries that one checkpoint may cover more than the last.
const MOST: i64 = 20_000;

/// Why a tree does not grow.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the tree is not what was signed at {0} entries")]
    NotWhatWasSigned(i64),
    #[error("the entry {0} is missing")]
    Gap(i64),
    #[error("tiles of the tree are missing: {0}")]
    Tiles(#[from] tlog::Error),
}

/// Works until `shutdown`.
pub async fn run(audit: Arc<Audit>, shutdown: CancellationToken) {
    let work = async {
        let mut known = false;
        loop {
            let done = async {
                if !known {
                    introduce(&audit).await?;
                    known = true;
                }
                round(&audit).await
            };
            match done.await {
                Ok(true) => {}
                Ok(false) => tokio::time::sleep(LOOK).await,
                Err(error) => {
                    tracing::warn!(?error, "no checkpoint can be made now");
                    tokio::time::sleep(LOOK).await;
                }
            }
        }
    };
    // What is dropped half way is rolled back, and done by whoever comes next.
    tokio::select! { () = shutdown.cancelled() => {}, () = work => {} }
}

/// Makes the key known that signs from now on.
async fn introduce(audit: &Audit) -> Result<(), fault::Error> {
    let mut tx = audit.db.system(Reason::Bootstrap).await?;
    trees::use_key(&mut tx, &audit.log.public().to_string()).await?;
    Ok(tx.commit().await?)
}

/// Lets one tree grow, if one is due: true when it did, so that there may be more. One that was tampered with is looked at
/// again behind all others.
pub async fn round(audit: &Audit) -> Result<bool, fault::Error> {
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    let pace = Pace {
        entries: audit.pace.entries,
        before: tx.now() - TimeDelta::seconds(audit.pace.seconds.into()),
    };
    let Some(tree) = trees::claim(&mut tx, pace).await? else {
        return Ok(false);
    };
    let leaves = events::leaves(&mut tx, tree, MOST).await?;
    let grew = match grown(&mut tx, tree, &leaves).await? {
        Ok(growth) => {
            sign(&mut tx, audit, tree, growth).await?;
            true
        }
        Err(broken) => {
            tracing::error!(tenant = %tree.tenant, size = tree.size, %broken, "an audit log was tampered with");
            trees::put_off(&mut tx, tree).await?;
            false
        }
    };
    tx.commit().await?;
    Ok(grew)
}

async fn grown(tx: &mut SystemTx, tree: Tree, leaves: &[(i64, Hash)]) -> Result<Result<Growth, Broken>, fault::Error> {
    let size = tree.size.cast_unsigned();
    let tiles = trees::tiles_of(tx, tree, &tlog::tiles::needed_for_frontier(size)).await?;
    let signed = checkpoints::of(tx, tree.tenant, tree.size).await?;
    let root = signed.map(|signed| signed.root);
    Ok(Growth::start(&tiles, size)
        .map_err(Broken::from)
        .and_then(|mut growth| {
            if size > 0 && root != Some(growth.frontier().root()) {
                return Err(Broken::NotWhatWasSigned(tree.size));
            }
            for ((number, leaf), seq) in leaves.iter().zip(tree.size + 1..) {
                if *number != seq {
                    return Err(Broken::Gap(seq));
                }
                growth.push(*leaf);
            }
            if leaves.is_empty() {
                return Err(Broken::Gap(tree.size + 1));
            }
            Ok(growth)
        }))
}

/// Signs for a tree as it is now, and keeps what changed of it.
pub(super) async fn sign(tx: &mut SystemTx, audit: &Audit, tree: Tree, growth: Growth) -> Result<(), fault::Error> {
    let now = tx.now();
    let frontier = growth.frontier();
    let signed = Signed {
        size: frontier.size().cast_signed(),
        root: frontier.root(),
        note: audit.log.sign(tree.tenant, frontier, now),
        cosigned: Vec::new(),
        created_at: now,
    };
    trees::write(tx, tree, &growth.finish()).await?;
    trees::set_size(tx, tree, signed.size).await?;
    Ok(checkpoints::insert(tx, tree.tenant, &signed).await?)
}
