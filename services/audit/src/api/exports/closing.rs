//! What a verifiable file ends with.

use std::collections::BTreeSet;

use auth::action::audit;
use chrono::TimeDelta;
use db::{Granted, Read, Reason, Tenant};
use tlog::bundle::{self, HeadLine};
use tlog::{TileId, tiles};

use crate::api::heads::{Placed, place};
use crate::log::REGISTER;
use crate::state::Audit;
use crate::store;
use crate::store::checkpoints::Signed;

/// Among so many of the newest checkpoints the one is looked for that most witnesses have cosigned.
const NEWEST: i64 = 8;

/// The last checkpoint, and what stands behind it.
pub(in crate::api) struct Closing {
    /// The checkpoint.
    pub last: Signed,
    /// Where it stands in the register.
    placed: Option<Placed>,
    /// The sizes of the checkpoints that came after it. Somebody may have kept one of them: to each there is a proof.
    newer: Vec<u64>,
}

/// Of the checkpoints of the last minute the one that most witnesses have cosigned, for they take a moment; but nothing older
/// than what the file is to continue.
fn best(newest: &[Signed], after: Option<i64>) -> Option<&Signed> {
    let first = newest.first()?;
    let since = first.created_at - TimeDelta::minutes(1);
    let fits = |signed: &&Signed| {
        let continues = signed.size >= after.unwrap_or_default();
        signed.size == first.size || signed.created_at > since && continues
    };
    let of_last_minute = newest.iter().filter(fits);
    of_last_minute.max_by_key(|signed| (signed.cosigned.len(), signed.size))
}

type Tx = Read<audit::List>;
type Log = Granted<Tenant, audit::List>;

impl Closing {
    /// Chooses; none where nothing is signed, or nothing registered if that is wanted.
    pub async fn choose(
        audit: &Audit,
        (tx, tenant): (&mut Tx, &Log),
        after: Option<i64>,
        with_head: bool,
    ) -> Result<Option<Self>, fault::Error> {
        let newest = store::checkpoints::list(tx, tenant, None, NEWEST).await?;
        let (last, placed) = if with_head {
            let Some(placed) = registered(audit, tx, tenant).await? else {
                return Ok(None);
            };
            let size = placed.head.head.size.cast_signed();
            (store::checkpoints::lookup(tx, tenant, Some(size)).await?, Some(placed))
        } else {
            (best(&newest, after).cloned(), None)
        };
        let Some(last) = last else { return Ok(None) };
        let newer = newest.iter().filter(|signed| signed.size > last.size);
        Ok(Some(Self {
            newer: newer.map(|signed| signed.size.cast_unsigned()).collect(),
            last,
            placed,
        }))
    }

    /// Writes what stands behind the last checkpoint.
    pub async fn write(&self, (tx, tenant): (&mut Tx, &Log), out: &mut Vec<u8>) -> Result<(), fault::Error> {
        if let Some(placed) = &self.placed {
            let note = placed.signed.whole();
            let line = HeadLine {
                note: &note,
                blind: placed.begun.blind,
                begun: (placed.begun.index.cast_unsigned(), placed.begun_proof.clone()),
                time: placed.head.head.time,
                head: (placed.head.index.cast_unsigned(), placed.proof.clone()),
            };
            line.write(out).map_err(fault::Error::internal)?;
        }
        let size = self.last.size.cast_unsigned();
        let steps = self.newer.iter();
        let needed: BTreeSet<TileId> = steps
            .flat_map(|newer| tiles::needed_for_consistency(size, *newer))
            .collect();
        let needed: Vec<TileId> = needed.into_iter().collect();
        let known = store::trees::tiles(tx, tenant, &needed).await?;
        for newer in &self.newer {
            // A log that somebody rewrote meanwhile has none, and whoever kept a checkpoint finds that out.
            if let Ok(proof) = tiles::consistency_proof(&known, size, *newer) {
                bundle::write_consistency(size, *newer, &proof, out).map_err(fault::Error::internal)?;
            }
        }
        Ok(())
    }
}

/// The newest head in the best of the register's checkpoints.
async fn registered(audit: &Audit, tx: &mut Tx, tenant: &Log) -> Result<Option<Placed>, fault::Error> {
    let mut system = audit.db.system(Reason::Register).await?;
    let newest = store::checkpoints::below(&mut system, REGISTER, None, NEWEST).await?;
    drop(system);
    let Some(signed) = best(&newest, None).cloned() else {
        return Ok(None);
    };
    place(audit, (tx, tenant), None, signed).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_ends_with_the_checkpoint_that_most_witnesses_know_if_it_is_recent() {
        let signed = |size: i64, seconds: i64, witnesses: usize| Signed {
            size,
            root: tlog::Hash::of(b""),
            note: String::new(),
            created_at: chrono::DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds),
            cosigned: (0..witnesses)
                .map(|number| store::cosignatures::Cosigned {
                    witness: number.to_string(),
                    line: String::new(),
                    time: chrono::DateTime::UNIX_EPOCH,
                })
                .collect(),
        };
        let newest = [signed(9, 100, 0), signed(7, 90, 1), signed(5, 80, 1), signed(3, 10, 2)];
        let size = |after| best(&newest, after).map(|signed| signed.size);
        assert_eq!([size(None), size(Some(7)), size(Some(8))], [Some(7), Some(7), Some(9)]);
        assert!(best(&[], None).is_none());
    }
}
