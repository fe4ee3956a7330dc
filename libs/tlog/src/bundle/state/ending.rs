use super::{Seen, State};
use crate::bundle::finding::What;
use crate::bundle::report::{Report, Warning};
use crate::bundle::signers;
use crate::{Checkpoint, text};

impl State<'_> {
    /// What all of the lines come to.
    pub(super) fn end(mut self) -> Result<Report, Seen> {
        if !self.begun && self.log.complete && self.log.first_seq > 1 {
            return Err(self.here(What::Frontier));
        }
        let Some(last) = self.last.take() else {
            return Err(self.since_held(What::Open));
        };
        if self.log.complete && last.size != self.frontier.size() {
            return Err(self.since_held(What::Open));
        }
        if let Some(trusted) = self.trusted.as_ref().filter(|_| !self.agrees) {
            let (seq, what) = if trusted.size > last.size {
                (last.size + 1, What::RolledBack(trusted.size))
            } else {
                (self.log.first_seq, What::Unlinked(trusted.size))
            };
            return Err(Seen { seq: Some(seq), what });
        }
        let of_register = self.head.iter().flat_map(|head| &head.cosigned);
        if let Some(missing) = signers::missing(self.trust, self.cosigned.iter().chain(of_register)) {
            let what = What::Witness(missing);
            return Err(Seen { seq: None, what });
        }
        Ok(self.report(last))
    }

    fn report(self, last: Checkpoint) -> Report {
        let mut warnings = Vec::new();
        if self.trust.keys.is_empty() {
            warnings.push(Warning::keys_from_file());
        }
        if self.trusted.is_none() {
            warnings.push(Warning::nothing_trusted());
        }
        if !self.log.complete {
            warnings.push(Warning::selection());
        }
        warnings.extend(self.signers.without_period().map(|key| Warning::period_unknown(&key)));
        if self.signers.strangers > 0 {
            warnings.push(Warning::strangers(self.signers.strangers));
        }
        Report {
            tenant: text::uuid(&self.log.tenant),
            complete: self.log.complete,
            entries: self.entries,
            withheld: self.withheld,
            checkpoints: self.checkpoints,
            first_seq: self.seqs.map(|(first, _)| first),
            last_seq: self.seqs.map(|(_, last)| last),
            size: last.size,
            root: last.root,
            time: last.time().unwrap_or_default(),
            signed: self.signers.signed(),
            cosigned: self.cosigned,
            register: self.head,
            agrees_with: self.trusted.map(|trusted| trusted.size),
            origin: self.log.origin,
            warnings,
        }
    }
}
