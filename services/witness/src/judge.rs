use clock::Clock;
use tlog::{Checkpoint, Hash, PublicKey, Signer, verify_consistency};

use crate::ledger::{Error, Ledger};
use crate::request::Request;
use crate::settings::{Known, Settings};

/// The witness: what it knows, what it has cosigned, and its key.
pub struct Witness {
    logs: Vec<Known>,
    ledger: Ledger,
    signer: Signer,
    clock: Clock,
}

/// Why it does not cosign.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No request.
    #[error("{0}")]
    Malformed(&'static str),
    /// No log it knows.
    #[error("this witness does not know the log")]
    Unknown,
    /// Nobody signed who may sign for this log.
    #[error("no key that may sign for the log did")]
    Unsigned,
    /// It has cosigned another size, or another root of this size; the size.
    #[error("the size that was cosigned last is {0}")]
    Conflict(u64),
    /// The log did not only grow.
    #[error("the proof does not lead from the checkpoint that was cosigned last to this one")]
    Proof,
    /// What it decided cannot be kept.
    #[error(transparent)]
    Ledger(#[from] Error),
}

impl Witness {
    /// Opens key and folder.
    pub fn open(settings: &Settings, clock: Clock) -> Result<Self, String> {
        let logs = settings.logs.iter().map(Known::check).collect::<Result<_, _>>()?;
        let seed = crypto::read_or_make_key(&settings.key).map_err(|error| format!("witness.key: {error}"))?;
        let signer = Signer::from_seed(&settings.name, &seed).map_err(|error| format!("witness.name: {error}"))?;
        let ledger = Ledger::open(&settings.state, settings.most_origins);
        Ok(Self {
            logs,
            ledger: ledger.map_err(|error| format!("witness.state: {error}"))?,
            signer,
            clock,
        })
    }

    /// What its cosignatures are verified with.
    pub fn public(&self) -> PublicKey {
        self.signer.public_cosigner()
    }

    /// Cosigns the checkpoint of this request, or says why not. The checks come in the order of the specification.
    pub fn add(&self, body: &str) -> Result<String, Refusal> {
        let request = Request::parse(body).map_err(Refusal::Malformed)?;
        let origin = request.checkpoint.origin.as_str();
        let mut known = self.logs.iter().filter(|log| log.is_of(origin)).peekable();
        if known.peek().is_none() {
            return Err(Refusal::Unknown);
        }
        if !known.flat_map(Known::keys).any(|key| request.note.verify(key).is_ok()) {
            return Err(Refusal::Unsigned);
        }
        self.ledger.replace(origin, &request.whole, |last| {
            let judged = judge(&request, last);
            if judged.is_err() {
                let cosigned = last.map_or(0, |last| last.size);
                let (size, old) = (request.checkpoint.size, request.old);
                tracing::warn!(origin, size, old, cosigned, "a checkpoint is not cosigned");
            }
            judged
        })?;
        let time = self.clock.now().timestamp().unsigned_abs();
        Ok(self.signer.cosign(&request.note.text, time))
    }
}

fn judge(request: &Request, last: Option<&Checkpoint>) -> Result<(), Refusal> {
    let new = &request.checkpoint;
    let (size, root) = last.map_or_else(|| (0, Hash::of(b"")), |last| (last.size, last.root));
    let same_size_other_root = size == new.size && root != new.root;
    if request.old != size || same_size_other_root {
        return Err(Refusal::Conflict(size));
    }
    verify_consistency(size, new.size, &request.proof, root, new.root).map_err(|_| Refusal::Proof)
}
