use std::collections::BTreeSet;

use super::finding::What;
use super::report::Signed;
use super::{KnownKey, Trust};
use crate::note::{Algorithm, Limits};
use crate::{Checkpoint, Error, Note, PublicKey, text};

/// Whose signatures count, and when.
pub struct Signers {
    log: Vec<Party>,
    witnesses: Vec<Party>,
    /// Signatures that were seen by nobody of these.
    pub strangers: u64,
}

struct Party {
    key: PublicKey,
    period: Option<(i64, Option<i64>)>,
    pinned: bool,
    signed: bool,
}

impl Party {
    fn new(key: &PublicKey, listed: &[KnownKey], pinned: bool) -> Self {
        let known = listed.iter().find(|known| known.key == *key);
        Self {
            key: key.clone(),
            period: known.map(|known| (known.from, known.until)),
            pinned,
            signed: false,
        }
    }

    /// Checkpoints know whole seconds only: a key is good in each that it was good in at all.
    fn is_good(&self, seconds: u64) -> bool {
        let at = i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000);
        self.period
            .is_none_or(|(from, until)| from - from % 1_000_000 <= at && until.is_none_or(|until| at < until))
    }

    fn report(&self, time: Option<u64>) -> Signed {
        let shown = |micros: i64| text::time(micros).ok();
        Signed {
            key: self.key.to_string(),
            from: self.period.and_then(|(from, _)| shown(from)),
            until: self.period.and_then(|(_, until)| until).and_then(shown),
            pinned: self.pinned,
            time,
        }
    }
}

impl Signers {
    /// Keys that are named by whoever verifies stand in place of those of the file; the file only says when they were
    /// good. Witnesses of the file count beside those that are named.
    pub fn of(trust: &Trust, keys: &[KnownKey], witnesses: &[KnownKey]) -> Result<Self, What> {
        let odd = |keys: &[PublicKey], wanted| keys.iter().any(|key| key.algorithm() != wanted);
        if odd(&trust.keys, Algorithm::Note) || odd(&trust.witnesses, Algorithm::Cosignature) {
            return Err(What::Trusted(
                "a key of the log was given as a witness's, or the other way round",
            ));
        }
        let named: BTreeSet<&PublicKey> = trust.witnesses.iter().collect();
        if trust.witnesses_needed.is_some_and(|needed| needed > named.len()) {
            return Err(What::Trusted("more witnesses are to have cosigned than are named"));
        }
        let log = if trust.keys.is_empty() {
            keys.iter().map(|known| Party::new(&known.key, keys, false)).collect()
        } else {
            trust.keys.iter().map(|key| Party::new(key, keys, true)).collect()
        };
        let listed = witnesses.iter().filter(|known| !trust.witnesses.contains(&known.key));
        let listed = listed.map(|known| Party::new(&known.key, witnesses, false));
        let named = trust.witnesses.iter().map(|key| Party::new(key, witnesses, true));
        Ok(Self {
            log,
            witnesses: named.chain(listed).collect(),
            strangers: 0,
        })
    }

    /// A checkpoint from before: of this log, and signed by a key that counts, whenever that was.
    pub fn trusted(&self, note: &str, origin: &str) -> Result<Checkpoint, What> {
        let note = Note::parse(note, Limits::default()).map_err(|_| What::Trusted("it is no signed note"))?;
        let checkpoint: Checkpoint = note
            .text
            .parse()
            .map_err(|_| What::Trusted("its text is no checkpoint"))?;
        if checkpoint.origin != origin {
            return Err(What::Trusted("it is of another log"));
        }
        let verdicts: Vec<_> = self.log.iter().map(|party| note.verify(&party.key)).collect();
        if verdicts.contains(&Err(Error::Signature)) || !verdicts.iter().any(Result::is_ok) {
            return Err(What::Trusted("it is not signed by a key of the log that counts here"));
        }
        Ok(checkpoint)
    }

    /// Whether the log signed at this time; and who cosigned.
    pub fn check(&mut self, note: &Note, seconds: u64) -> Result<Vec<Signed>, What> {
        let mut verdict = Err(What::Unsigned);
        let mut known = 0;
        for party in &mut self.log {
            match note.verify(&party.key) {
                Ok(_) if party.is_good(seconds) => {
                    party.signed = true;
                    verdict = Ok(());
                }
                Ok(_) if verdict.is_err() => verdict = Err(What::KeyTime(party.key.name().to_owned())),
                Ok(_) | Err(Error::Unsigned) => {}
                Err(_) => return Err(What::Signature(party.key.name().to_owned())),
            }
            known += lines_of(note, &party.key);
        }
        verdict?;
        let mut cosigned = Vec::new();
        for party in &self.witnesses {
            match note.verify(&party.key) {
                Ok(Some(time)) if party.is_good(time) => cosigned.push(party.report(Some(time))),
                Ok(_) => return Err(What::KeyTime(party.key.name().to_owned())),
                Err(Error::Unsigned) => {}
                Err(_) => return Err(What::Signature(party.key.name().to_owned())),
            }
            known += lines_of(note, &party.key);
        }
        self.strangers += note.signatures.len().saturating_sub(known) as u64;
        Ok(cosigned)
    }

    /// Who signed for the log.
    pub fn signed(&self) -> Vec<Signed> {
        let signed = self.log.iter().filter(|party| party.signed);
        signed.map(|party| party.report(None)).collect()
    }

    /// Keys that were named and used, and of which the file does not say when they were good.
    pub fn without_period(&self) -> impl Iterator<Item = String> {
        let used = self.log.iter().filter(|party| party.signed && party.period.is_none());
        used.map(|party| party.key.to_string())
    }
}

fn lines_of(note: &Note, key: &PublicKey) -> usize {
    let id = key.id();
    let lines = note.signatures.iter();
    lines
        .filter(|line| line.key_id == id && line.name == key.name())
        .count()
}

/// The first of the witnesses who did not cosign, where fewer did than must have. One that is named twice is one.
pub fn missing<'a>(trust: &Trust, cosigned: impl Iterator<Item = &'a Signed>) -> Option<String> {
    let cosigned: Vec<&Signed> = cosigned.collect();
    let named: BTreeSet<&PublicKey> = trust.witnesses.iter().collect();
    let needed = trust.witnesses_needed.unwrap_or(named.len());
    let is_there = |key: &PublicKey| cosigned.iter().any(|one| one.key == key.to_string());
    let missing: Vec<&PublicKey> = named.iter().copied().filter(|key| !is_there(key)).collect();
    let enough = named.len() - missing.len() >= needed;
    missing.first().filter(|_| !enough).map(|key| key.name().to_owned())
}
