//! Evidence that an auditor takes along: what a platform says of itself, signed with the key that signs the log, and bound to
//! a checkpoint of that log.
//!
//! The text is a signed note of its own kind: its second line begins with a word where a checkpoint has a number, so that no
//! evidence is ever taken for a checkpoint. The signature proves who said it and on which state of the log; that it is true, the
//! log itself must show.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::checkpoint::decimal;
use crate::note::Limits;
use crate::{Checkpoint, Error, Hash, Note, PublicKey};

/// What the text begins with.
pub const FORMAT: &str = "yunshu-evidence/1";

/// The file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pack {
    /// What it is: [`FORMAT`].
    pub format: String,
    /// The evidence, as a signed note.
    pub evidence: String,
    /// The checkpoint that it is about, as the log signed it and witnesses cosigned it.
    pub checkpoint: String,
}

/// What was verified, when all of it held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evidence {
    /// The log.
    pub origin: String,
    /// When it was said, in seconds since 1970.
    pub time: u64,
    /// The size of the log then.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// One object per control.
    pub controls: Vec<Value>,
    /// The witnesses among those named who cosigned the checkpoint.
    pub cosigned: Vec<String>,
}

/// The text to sign: of the log of this checkpoint, at this time, one line of JSON per control.
pub fn text(checkpoint: &Checkpoint, time_seconds: u64, controls: &[Value]) -> String {
    let Checkpoint { origin, size, root, .. } = checkpoint;
    let mut text = format!("{FORMAT}\norigin {origin}\ntime {time_seconds}\ncheckpoint {size} {root}\n");
    for control in controls {
        text.push_str(&control.to_string());
        text.push('\n');
    }
    text
}

/// Verifies a pack with the log's keys, and demands the cosignatures of so many of these witnesses.
pub fn verify(pack: &Pack, keys: &[PublicKey], witnesses: &[PublicKey], needed: usize) -> Result<Evidence, Error> {
    if pack.format != FORMAT {
        return Err(Error::Note("it is no evidence of this format"));
    }
    let evidence = signed(&pack.evidence, keys)?;
    let note = signed(&pack.checkpoint, keys)?;
    let checkpoint: Checkpoint = note.text.parse()?;
    let mut lines = evidence.text.trim_end_matches('\n').split('\n');
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name));
    let said = (field(FORMAT), field("origin "), field("time "), field("checkpoint "));
    let (Some(""), Some(origin), Some(time), Some(state)) = said else {
        return Err(Error::Note("its lines are not those of evidence"));
    };
    if origin != checkpoint.origin || state != format!("{} {}", checkpoint.size, checkpoint.root) {
        return Err(Error::Note("it is about another checkpoint than the one beside it"));
    }
    let controls = lines.map(serde_json::from_str).collect::<Result<_, _>>();
    let mut cosigned: Vec<String> = Vec::new();
    for witness in witnesses {
        let key = witness.to_string();
        if !cosigned.contains(&key) && note.verify(witness)?.is_some() {
            cosigned.push(key);
        }
    }
    if cosigned.len() < needed {
        return Err(Error::Unsigned);
    }
    Ok(Evidence {
        time: decimal(time).ok_or(Error::Time)?,
        controls: controls.map_err(|_| Error::Note("a control is no JSON"))?,
        origin: checkpoint.origin,
        size: checkpoint.size,
        root: checkpoint.root,
        cosigned,
    })
}

/// A note that one of these keys signed.
fn signed(note: &str, keys: &[PublicKey]) -> Result<Note, Error> {
    let note = Note::parse(note, Limits::default())?;
    let mut verdict = Err(Error::Unsigned);
    for key in keys {
        match note.verify(key) {
            Ok(_) => verdict = Ok(()),
            Err(Error::Unsigned) => {}
            Err(error) => return Err(error),
        }
    }
    verdict.map(|()| note)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Signer;

    fn key(seed: u8) -> Signer {
        Signer::from_seed("cloud.example/audit", &[seed; 32]).unwrap()
    }

    fn checkpoint() -> Checkpoint {
        Checkpoint::at("cloud.example/audit/t", 9, Hash::of(b"x"), 1_700_000_000)
    }

    fn pack(by: &Signer) -> Pack {
        let text = text(
            &checkpoint(),
            1_700_000_100,
            &[json!({"id": "a", "status": "met"}), json!({"id": "b\n"})],
        );
        let state = checkpoint().to_string();
        Pack {
            format: FORMAT.to_owned(),
            evidence: format!("{text}\n{}", by.sign(&text)),
            checkpoint: format!("{state}\n{}{}", key(1).sign(&state), key(9).cosign(&state, 5)),
        }
    }

    #[test]
    fn what_was_said_is_read_with_the_state_of_the_log() {
        let (keys, witnesses) = ([key(1).public()], [key(9).public_cosigner()]);
        let read = verify(&pack(&key(1)), &keys, &witnesses, 1).unwrap();
        assert_eq!(
            (read.size, read.time, read.controls.len(), read.cosigned.len()),
            (9, 1_700_000_100, 2, 1)
        );
        assert_eq!(read.controls[1], json!({"id": "b\n"}));
    }

    #[test]
    fn t25_whatever_is_changed_is_refused() {
        let keys = [key(1).public()];
        let good = pack(&key(1));
        for (from, to) in [
            ("met", "not_met"),
            ("time 17", "time 16"),
            ("checkpoint 9", "checkpoint 8"),
            ("/t\n", "/u\n"),
        ] {
            let evidence = good.evidence.replacen(from, to, 1);
            assert!(
                verify(
                    &Pack {
                        evidence,
                        ..good.clone()
                    },
                    &keys,
                    &[],
                    0
                )
                .is_err(),
                "{from}"
            );
        }
        let other = Checkpoint::at("cloud.example/audit/t", 10, Hash::of(b"y"), 1).to_string();
        let checkpoint = format!("{other}\n{}", key(1).sign(&other));
        assert!(
            verify(
                &Pack {
                    checkpoint,
                    ..good.clone()
                },
                &keys,
                &[],
                0
            )
            .is_err()
        );
        assert!(verify(&pack(&key(2)), &keys, &[], 0).is_err());
        assert!(verify(&good, &[], &[], 0).is_err(), "without a key nothing is believed");
        let format = "yunshu-evidence/2".to_owned();
        assert!(verify(&Pack { format, ..good.clone() }, &keys, &[], 0).is_err());
        let witness = key(9).public_cosigner();
        assert!(
            verify(&good, &keys, &[witness.clone(), witness], 2).is_err(),
            "one who is named twice is one"
        );
    }

    #[test]
    fn t26_evidence_is_never_taken_for_a_checkpoint() {
        let text = text(&checkpoint(), 1, &[]);
        assert!(text.parse::<Checkpoint>().is_err());
        let swapped = Pack {
            checkpoint: pack(&key(1)).evidence,
            ..pack(&key(1))
        };
        assert!(verify(&swapped, &[key(1).public()], &[], 0).is_err());
    }
}
