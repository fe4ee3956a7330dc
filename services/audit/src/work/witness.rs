//! Asks witnesses to cosign what was signed: each by itself, so that one that is slow or away keeps nobody waiting, least of
//! all whoever signs.
//!
//! A witness that knows the log otherwise has seen another history of it. Either somebody wrote the log anew, a restored
//! backup included, or shows it differently to different people: the alarm is raised, and people must look.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use db::Reason;
use futures::{StreamExt, stream};
use ids::TenantId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::state::Audit;
use crate::store::checkpoints;
use crate::store::cosignatures::{self, Cosigned, Owed};
use crate::store::trees::{self, Tree};
use crate::witness::{self, Verdict, Witness};

const LOOK: Duration = Duration::from_secs(1);
/// The longest pause behind failures.
const LONGEST: Duration = Duration::from_mins(1);
/// Tenants per page.
const MOST: i64 = 500;
/// Checkpoints that one witness is asked about at the same time.
const AT_ONCE: usize = 8;

/// Why a round did not end.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error(transparent)]
    Database(#[from] db::Error),
    /// The witness.
    #[error(transparent)]
    Witness(#[from] witness::Error),
}

/// What became of what a witness owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It cosigned.
    Cosigned,
    /// Another process was faster, and the next look shows how far.
    Overtaken,
    /// It knows another history.
    Contradicted,
}

/// Logs that a witness contradicts, until when they are left alone: the alarm is raised again and again, not all the time.
#[derive(Debug, Default)]
pub struct Contradicted(HashMap<TenantId, Instant>);

impl Contradicted {
    fn is_due(&mut self, tenant: TenantId) -> bool {
        let due = self.0.get(&tenant).is_none_or(|until| *until <= Instant::now());
        if due {
            self.0.remove(&tenant);
        }
        due
    }
}

/// Works until `shutdown`.
pub async fn run(audit: Arc<Audit>, witness: Witness, shutdown: CancellationToken) {
    let work = async {
        let (mut failures, mut contradicted) = (0_u32, Contradicted::default());
        loop {
            match round(&audit, &witness, &mut contradicted).await {
                Ok(()) => failures = 0,
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(witness = witness.key().name(), failures, %error, "checkpoints are not cosigned now");
                }
            }
            tokio::time::sleep(pause(failures)).await;
        }
    };
    tokio::select! { () = shutdown.cancelled() => {}, () = work => {} }
}

/// Behind failures exponential, capped, with full jitter above the pace of good times.
fn pause(failures: u32) -> Duration {
    let limit = LOOK
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST)
        .saturating_sub(LOOK);
    let part = u16::from_be_bytes(crypto::random::<2>());
    LOOK + limit.mul_f64(f64::from(part) / f64::from(u16::MAX))
}

/// Asks one witness about every log whose newest checkpoint it has not cosigned.
pub async fn round(audit: &Audit, witness: &Witness, contradicted: &mut Contradicted) -> Result<(), Error> {
    let key = witness.key().to_string();
    let (mut after, mut refused) = (None, None);
    loop {
        let mut tx = audit.db.system(Reason::Reconcile).await?;
        let mut page = cosignatures::owed(&mut tx, &key, after, MOST).await?;
        drop(tx);
        let Some(last) = page.last() else { break };
        after = Some(last.tenant);
        page.retain(|owed| witness.is_for(owed.tenant) && contradicted.is_due(owed.tenant));
        let asked = stream::iter(page).map(async |owed| (owed, ask(audit, witness, owed).await));
        let mut asked = std::pin::pin!(asked.buffer_unordered(AT_ONCE));
        while let Some((owed, answer)) = asked.next().await {
            match answer {
                Ok(Outcome::Contradicted) => {
                    contradicted.0.insert(owed.tenant, Instant::now() + LONGEST);
                }
                Ok(Outcome::Cosigned | Outcome::Overtaken) => {}
                // It is there, and may well take others.
                Err(Error::Witness(error @ (witness::Error::Refuses(_) | witness::Error::Odd))) => {
                    refused = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    refused.map_or(Ok(()), |error| Err(error.into()))
}

/// Asks from the size that is known here, and once more from the size that the witness says it knows.
async fn ask(audit: &Audit, witness: &Witness, owed: Owed) -> Result<Outcome, Error> {
    let mut old = owed.cosigned.cast_unsigned();
    let size = owed.size.cast_unsigned();
    for again in [true, false] {
        match put(audit, witness, owed, old).await? {
            Some(Verdict::Cosigned(cosigned)) => {
                keep(audit, owed, &cosigned).await?;
                return Ok(Outcome::Cosigned);
            }
            Some(Verdict::Knows(known)) if known != old && known <= size && again => old = known,
            Some(Verdict::Knows(known)) if known > size => {
                let mut tx = audit.db.system(Reason::Reconcile).await?;
                let newest = cosignatures::newest(&mut tx, owed.tenant).await?;
                if newest.cast_unsigned() >= known {
                    return Ok(Outcome::Overtaken);
                }
                return Ok(alarm(witness, owed, known));
            }
            Some(Verdict::Knows(known)) => return Ok(alarm(witness, owed, known)),
            Some(Verdict::Contradicts) | None => return Ok(alarm(witness, owed, old)),
        }
    }
    Ok(Outcome::Overtaken)
}

/// Asks once. None if the log itself has no proof of how it grew.
async fn put(audit: &Audit, witness: &Witness, owed: Owed, old: u64) -> Result<Option<Verdict>, Error> {
    let (tenant, size) = (owed.tenant, owed.size.cast_unsigned());
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    let signed = checkpoints::of(&mut tx, tenant, owed.size).await?;
    let needed = tlog::tiles::needed_for_consistency(old, size);
    let tree = Tree {
        tenant,
        size: owed.size,
    };
    let tiles = trees::tiles_of(&mut tx, tree, &needed).await?;
    drop(tx);
    let proof = tlog::tiles::consistency_proof(&tiles, old, size).ok();
    let Some((signed, proof)) = signed.zip(proof) else {
        return Ok(None);
    };
    Ok(Some(witness.cosign(old, &proof, &signed.note).await?))
}

async fn keep(audit: &Audit, owed: Owed, cosigned: &Cosigned) -> Result<(), Error> {
    let mut tx = audit.db.system(Reason::Reconcile).await?;
    cosignatures::insert(&mut tx, owed.tenant, owed.size, cosigned).await?;
    Ok(tx.commit().await?)
}

fn alarm(witness: &Witness, owed: Owed, known: u64) -> Outcome {
    let (tenant, size) = (owed.tenant, owed.size);
    tracing::error!(
        %tenant, size, known, witness = witness.key().name(),
        "a witness knows another history of an audit log than this one"
    );
    Outcome::Contradicted
}

#[cfg(test)]
mod tests;
