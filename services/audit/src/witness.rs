//! Witnesses, who cosign what the log signs (c2sp.org/tlog-witness).

use std::time::Duration;

use chrono::{DateTime, Utc};
use egress::{Egress, Limits};
use ids::TenantId;
use tlog::note::{Algorithm, Limits as NoteLimits};
use tlog::{Hash, Note, PublicKey};
use url::Url;

use crate::log::REGISTER;
use crate::settings::WitnessSettings;
use crate::store::cosignatures::Cosigned;

/// More of an answer than this nobody reads.
const ANSWER: u64 = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a witness is, and what its word is known by.
pub struct Witness {
    url: String,
    key: PublicKey,
    egress: Egress,
    pub(crate) register_only: bool,
}

/// What a witness makes of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It cosigned.
    Cosigned(Cosigned),
    /// It has cosigned this size last, and not that from which was proven; or at this size another root.
    Knows(u64),
    /// To it this is not how the log grew.
    Contradicts,
}

/// Why nothing is known of what it makes of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not there.
    #[error("the witness: {0}")]
    Away(#[from] egress::Error),
    /// It refuses: it does not know the log or its key, or cannot keep more.
    #[error("the witness answers {0}: does it know the log's origin and its key?")]
    Refuses(u16),
    /// It says what no witness says.
    #[error("the witness answers what does not verify with its key, or cannot be read")]
    Odd,
}

impl Witness {
    /// Checks a setting.
    pub fn open(settings: &WitnessSettings) -> Result<Self, String> {
        let key: PublicKey = settings
            .key
            .parse()
            .map_err(|error| format!("audit.log.witnesses: {error}"))?;
        if key.algorithm() != Algorithm::Cosignature {
            return Err("audit.log.witnesses: the key is one that signs logs, not a witness's".to_owned());
        }
        let url = Url::parse(&settings.url).map_err(|error| format!("audit.log.witnesses: {error}"))?;
        let limits = Limits {
            bytes: ANSWER,
            total: PATIENCE,
            silence: PATIENCE,
            ports: url.port_or_known_default().into_iter().collect(),
            opened: settings.networks.clone(),
            ..Limits::default()
        };
        let egress = Egress::new(limits).map_err(|error| format!("no TLS client: {error}"))?;
        let url = format!("{}/add-checkpoint", settings.url.trim_end_matches('/'));
        egress
            .target(&url)
            .map_err(|error| format!("audit.log.witnesses: the URL {url} {error}"))?;
        let register_only = settings.register_only;
        Ok(Self {
            url,
            key,
            egress,
            register_only,
        })
    }

    /// What its cosignatures verify with.
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Is it asked about this log?
    pub fn is_for(&self, tenant: TenantId) -> bool {
        !self.register_only || tenant == REGISTER
    }

    /// Asks it to cosign the checkpoint of this note, which continues the one over `old` entries.
    pub async fn cosign(&self, old: u64, proof: &[Hash], note: &str) -> Result<Verdict, Error> {
        let mut lines = vec![format!("old {old}")];
        lines.extend(proof.iter().map(Hash::to_string));
        let body = format!("{}\n\n{note}", lines.join("\n"));
        let request = http::Request::post(&self.url).body(body.into_bytes());
        let answer = self.egress.call(request.map_err(|_| Error::Odd)?).await?;
        let status = answer.status().as_u16();
        let text = String::from_utf8(answer.into_body()).map_err(|_| Error::Odd)?;
        match status {
            200 => self.read(note, &text).map(Verdict::Cosigned),
            409 => text.trim_end().parse().map(Verdict::Knows).map_err(|_| Error::Odd),
            422 => Ok(Verdict::Contradicts),
            status => Err(Error::Refuses(status)),
        }
    }

    /// The line of the answer that is by its key, over this very note.
    fn read(&self, note: &str, answer: &str) -> Result<Cosigned, Error> {
        let whole = Note::parse(&format!("{note}{answer}"), NoteLimits::default()).map_err(|_| Error::Odd)?;
        let time = whole.verify(&self.key).ok().flatten().ok_or(Error::Odd)?;
        let ours = |line: &&tlog::note::SignatureLine| line.name == self.key.name() && line.key_id == self.key.id();
        let line = whole.signatures.iter().find(ours).ok_or(Error::Odd)?;
        let time = i64::try_from(time)
            .ok()
            .and_then(|time| DateTime::<Utc>::from_timestamp(time, 0));
        Ok(Cosigned {
            witness: self.key.to_string(),
            line: line.to_string(),
            time: time.ok_or(Error::Odd)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use tlog::{Checkpoint, Signer};

    use super::*;

    fn settings(url: &str, key: &PublicKey) -> WitnessSettings {
        WitnessSettings {
            url: url.to_owned(),
            key: key.to_string(),
            register_only: false,
            networks: Vec::new(),
        }
    }

    #[test]
    fn what_cannot_be_a_witness_is_said_at_the_start() {
        let signer = Signer::from_seed("w", &[1; 32]).unwrap();
        assert!(Witness::open(&settings("https://witness.example/w1/", &signer.public_cosigner())).is_ok());
        for (url, key) in [
            ("https://witness.example", signer.public()),
            ("no url", signer.public_cosigner()),
            ("file:///etc/passwd", signer.public_cosigner()),
            ("http://127.0.0.1:80", signer.public_cosigner()),
        ] {
            assert!(Witness::open(&settings(url, &key)).is_err(), "{url}");
        }
    }

    #[test]
    fn t26_only_a_cosignature_of_this_very_checkpoint_by_this_key_is_taken() {
        let (log, signer) = (
            Signer::from_seed("log", &[2; 32]).unwrap(),
            Signer::from_seed("w", &[1; 32]).unwrap(),
        );
        let text = |size| Checkpoint::at("log", size, Hash::of(b"x"), 1).to_string();
        let note = format!("{}\n{}", text(5), log.sign(&text(5)));
        let witness = Witness::open(&settings("https://witness.example", &signer.public_cosigner())).unwrap();
        let other = Signer::from_seed("w", &[3; 32]).unwrap();
        let good = signer.cosign(&text(5), 1_700_000_000);
        let read = witness
            .read(&note, &format!("{}{good}", other.cosign(&text(5), 1)))
            .unwrap();
        assert_eq!((read.line, read.time.timestamp()), (good, 1_700_000_000));
        for bad in [
            String::new(),
            "junk\n".to_owned(),
            other.cosign(&text(5), 1),
            signer.cosign(&text(6), 1),
            signer.sign(&text(5)),
            signer.cosign(&text(5), u64::MAX),
            signer.cosign(&text(5), 1) + &signer.cosign(&text(6), 1),
        ] {
            assert!(witness.read(&note, &bad).is_err(), "{bad:?}");
        }
    }
}
