use super::LogLine;
use super::finding::What;
use super::report::Registered;
use super::signers::Signers;
use super::wire;
use crate::note::Limits;
use crate::register::{Head, Leaf, origin_beside};
use crate::{Checkpoint, Note, verify_inclusion};

/// Whether the checkpoint before this line is the log's head in the register, and the log's blind was registered before.
pub fn check(line: &wire::Head, log: &LogLine, last: &Checkpoint, signers: &mut Signers) -> Result<Registered, What> {
    const NONE: What = What::Malformed("its note is no signed checkpoint");
    let note = Note::parse(&line.note, Limits::default()).map_err(|_| NONE)?;
    let register: Checkpoint = note.text.parse().map_err(|_| NONE)?;
    if origin_beside(&log.origin, &log.tenant).as_ref() != Some(&register.origin) {
        return Err(What::Origin(register.origin));
    }
    let time = register.time().ok_or(What::NoTime)?;
    let cosigned = signers.check(&note, time)?;
    let blind = line.blind.as_bytes();
    let head = Head {
        time: line.time,
        size: last.size,
        root: last.root,
    };
    let is_in = |leaf: &Leaf, index, proof| verify_inclusion(leaf.hash(), index, register.size, proof, register.root);
    let begun = is_in(&Leaf::of_tenant(&log.tenant, blind), line.begun, &line.begun_proof);
    let stands = is_in(&Leaf::of_head(&log.tenant, blind, &head), line.index, &line.proof);
    let in_order = line.begun < line.index && line.time <= time;
    if !in_order || begun.is_err() || stands.is_err() {
        return Err(What::Head);
    }
    Ok(Registered {
        origin: register.origin,
        size: register.size,
        root: register.root,
        time,
        since: line.time,
        cosigned,
    })
}
