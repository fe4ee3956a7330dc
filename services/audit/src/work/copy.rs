//! Keeps a copy of every checkpoint in files outside the database: one per tenant, a line for each, only ever appended to.
//!
//! Whoever rewrites the database, a restored backup included, cannot rewrite what stands here. Each new checkpoint must
//! continue the last one of the file, else nothing is appended and the alarm is raised.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, BufRead};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use db::Reason;
use ids::TenantId;
use serde::{Deserialize, Serialize};
use tlog::note::Limits;
use tlog::register::PART;
use tlog::{Checkpoint, Hash, Loaded, Note, TileId};
use tokio::io::AsyncWriteExt;
use tokio_util::sync::CancellationToken;

use crate::log::REGISTER;
use crate::state::Audit;
use crate::store::checkpoints::{self, Signed};
use crate::store::trees::{self, Tree};

const LOOK: Duration = Duration::from_secs(1);
/// Tenants per page.
const MOST: i64 = 500;
/// Checkpoints of one log per look; each is held against the one before.
const STEPS: i64 = 100;

/// A line of a file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    r#type: String,
    note: String,
}

/// The last checkpoint of a file.
#[derive(Debug, Clone, Copy)]
struct Last {
    size: i64,
    root: Option<Hash>,
}

impl Last {
    /// What a note says.
    fn said(note: &str) -> Option<Self> {
        let note = Note::parse(note, Limits::default()).ok()?;
        let checkpoint: Checkpoint = note.text.parse().ok()?;
        Some(Self {
            size: checkpoint.size.cast_signed(),
            root: Some(checkpoint.root),
        })
    }

    /// Does this checkpoint say, in its row and in its note, that the same log only grew?
    fn continues(self, next: &Signed, tiles: &Loaded) -> bool {
        let row = (next.size, Some(next.root));
        if Self::said(&next.note).is_none_or(|said| (said.size, said.root) != row) {
            return false;
        }
        let (from, to) = (self.size.cast_unsigned(), next.size.cast_unsigned());
        self.root.is_none_or(|root| {
            tlog::tiles::consistency_proof(tiles, from, to)
                .and_then(|proof| tlog::verify_consistency(from, to, &proof, root, next.root))
                .is_ok()
        })
    }
}

/// The files, and what is known of them.
pub struct Copies {
    folder: PathBuf,
    last: HashMap<TenantId, Last>,
}

impl Copies {
    /// In this folder, made if need be.
    pub fn open(folder: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let folder = folder.to_owned();
        let last = HashMap::new();
        Ok(Self { folder, last })
    }

    fn file(&self, tenant: TenantId) -> PathBuf {
        let name = if tenant == REGISTER {
            PART.to_owned()
        } else {
            tenant.to_string()
        };
        self.folder.join(format!("{name}.checkpoints.ndjson"))
    }

    async fn last(&mut self, tenant: TenantId) -> io::Result<Last> {
        if let Some(last) = self.last.get(&tenant) {
            return Ok(*last);
        }
        let file = self.file(tenant);
        let last = tokio::task::spawn_blocking(move || read_last(&file)).await??;
        self.last.insert(tenant, last);
        Ok(last)
    }

    async fn append(&mut self, tenant: TenantId, signed: &[Signed]) -> io::Result<()> {
        let mut text = String::new();
        for signed in signed {
            let line = Line {
                r#type: "checkpoint".to_owned(),
                note: signed.note.clone(),
            };
            text.push_str(&serde_json::to_string(&line)?);
            text.push('\n');
        }
        // Forgotten until it is known to be on the disk: a torn line is read, and mended, before the next is written.
        self.last.remove(&tenant);
        let mut file = tokio::fs::File::options()
            .append(true)
            .create(true)
            .open(self.file(tenant))
            .await?;
        file.write_all(text.as_bytes()).await?;
        file.sync_all().await
    }
}

/// The last whole line. What a crash left half written behind it is cut off.
fn read_last(file: &Path) -> io::Result<Last> {
    let mut last = Last { size: 0, root: None };
    let open = match std::fs::File::options().read(true).write(true).open(file) {
        Ok(open) => open,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(last),
        Err(error) => return Err(error),
    };
    let mut whole = 0;
    let mut lines = io::BufReader::new(&open);
    let mut text = Vec::new();
    while lines.read_until(b'\n', &mut text)? > 0 {
        if text.last() != Some(&b'\n') {
            open.set_len(whole)?;
            break;
        }
        whole += text.len() as u64;
        let broken = || io::Error::other("holds what is no checkpoint: move it away, and ask who wrote there");
        let line: Line = serde_json::from_slice(&text).map_err(|_| broken())?;
        last = Last::said(&line.note).ok_or_else(broken)?;
        text.clear();
    }
    Ok(last)
}

/// Works until `shutdown`.
pub async fn run(audit: Arc<Audit>, mut copies: Copies, shutdown: CancellationToken) {
    let work = async {
        loop {
            if let Err(error) = round(&audit, &mut copies).await {
                tracing::error!(folder = %copies.folder.display(), %error, "checkpoints cannot be copied out of the database");
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! { () = shutdown.cancelled() => {}, () = work => {} }
}

/// Why copies are not made.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The files.
    #[error(transparent)]
    File(#[from] io::Error),
}

/// Copies what is not in the files yet.
pub async fn round(audit: &Audit, copies: &mut Copies) -> Result<(), Error> {
    let mut after = None;
    loop {
        let mut tx = audit.db.system(Reason::Reconcile).await?;
        let page = checkpoints::newest(&mut tx, after, MOST).await?;
        drop(tx);
        for (tenant, size) in &page {
            copy(audit, copies, *tenant, *size).await?;
        }
        let Some((tenant, _)) = page.last() else { return Ok(()) };
        after = Some(*tenant);
    }
}

async fn copy(audit: &Audit, copies: &mut Copies, tenant: TenantId, size: i64) -> Result<(), Error> {
    let last = copies.last(tenant).await?;
    if last.size == size {
        return Ok(());
    }
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    let mut new = checkpoints::behind(&mut tx, tenant, last.size, STEPS).await?;
    if new.is_empty() {
        alarm(tenant, last, size);
        return Ok(());
    }
    let tree = Tree { tenant, size };
    let tiles = trees::tiles_of(&mut tx, tree, &needed(last, &new)).await?;
    drop(tx);
    let (mut at, mut count) = (last, 0);
    for signed in &new {
        if !at.continues(signed, &tiles) {
            alarm(tenant, at, signed.size);
            break;
        }
        let (size, root) = (signed.size, Some(signed.root));
        at = Last { size, root };
        count += 1;
    }
    new.truncate(count);
    if !new.is_empty() {
        copies.append(tenant, &new).await?;
    }
    Ok(())
}

/// The tiles that prove each step of the way.
fn needed(last: Last, new: &[Signed]) -> Vec<TileId> {
    let sizes = new.iter().map(|signed| signed.size.cast_unsigned());
    let before = std::iter::once(last.size.cast_unsigned()).chain(sizes.clone());
    let steps = before.zip(sizes);
    let tiles: BTreeSet<TileId> = steps
        .flat_map(|(from, to)| tlog::tiles::needed_for_consistency(from, to))
        .collect();
    tiles.into_iter().collect()
}

fn alarm(tenant: TenantId, last: Last, size: i64) {
    tracing::error!(%tenant, kept = last.size, size, "an audit log does not continue what was signed before");
}
