use std::collections::BTreeMap;
use std::io::BufRead;

use super::entry_line::{BEGINNING, Line, Room};
use super::finding::{Finding, What};
use super::lines::Lines;
use super::report::{Registered, Report, Signed};
use super::signers::Signers;
use super::{LogLine, head, wire};
use crate::entry::commit_in;
use crate::note::Limits;
use crate::{Checkpoint, Entry, Frontier, Hash, Note, PublicKey, verify_consistency, verify_inclusion};

mod ending;

/// So many leaves behind the last checkpoint are kept, to tell a copy from what was put in.
const RECENT: usize = 4096;

/// What whoever verifies knows from elsewhere than the file.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// The keys of the log. Without any, those of the file are believed, and the report warns.
    pub keys: Vec<PublicKey>,
    /// Who must have cosigned the last checkpoint.
    pub witnesses: Vec<PublicKey>,
    /// So many of them must have; all, if nothing is said.
    pub witnesses_needed: Option<usize>,
    /// A checkpoint from before, as a signed note.
    pub checkpoint: Option<String>,
    /// Roots that the log is said to have had at sizes. Those that a stretch reaches must be its own.
    pub heads: BTreeMap<u64, Hash>,
}

/// Verifies a file from its first line to its last, holding one line at a time.
pub fn verify(reader: impl BufRead, trust: &Trust) -> Result<Report, Finding> {
    let mut lines = Lines::new(reader);
    let first = match lines.next() {
        Ok(Some(line)) => State::begin(line, trust),
        Ok(None) => Err(What::Format),
        Err(what) => Err(what),
    };
    let mut state = first.map_err(|what| Finding {
        seq: None,
        line: lines.number,
        what,
    })?;
    loop {
        let step = match lines.next() {
            Ok(Some(line)) => state.line(line),
            Ok(None) => break,
            Err(what) => Err(state.here(what)),
        };
        step.map_err(|seen| seen.in_line(lines.number))?;
    }
    state.end().map_err(|seen| seen.in_line(lines.number))
}

/// A finding that does not know its line yet.
struct Seen {
    seq: Option<u64>,
    what: What,
}

impl Seen {
    fn in_line(self, line: u64) -> Finding {
        Finding {
            seq: self.seq,
            line,
            what: self.what,
        }
    }
}

struct State<'t> {
    trust: &'t Trust,
    log: LogLine,
    signers: Signers,
    /// Whether a line may be a head's.
    with_head: bool,
    head: Option<Registered>,
    trusted: Option<Checkpoint>,
    /// Whether all of this agrees with what is trusted.
    agrees: bool,
    /// Whether a line came after the first.
    begun: bool,
    frontier: Frontier,
    /// So many entries are vouched for by a checkpoint that held.
    held: u64,
    /// The first leaves behind those.
    recent: Vec<Hash>,
    last: Option<Checkpoint>,
    cosigned: Vec<Signed>,
    checkpoints: u64,
    entries: u64,
    withheld: u64,
    seqs: Option<(u64, u64)>,
    room: Room,
    buffer: Vec<u8>,
}

impl<'t> State<'t> {
    fn begin(line: &str, trust: &'t Trust) -> Result<Self, What> {
        let (log, with_head) = wire::Log::parse(line).map_err(What::Malformed)?.ok_or(What::Format)?;
        let signers = Signers::of(trust, &log.keys, &log.witnesses)?;
        let trusted = trust.checkpoint.as_deref();
        let trusted = trusted.map(|note| signers.trusted(note, &log.origin)).transpose()?;
        let held = if log.complete { log.first_seq - 1 } else { 0 };
        let agrees = trusted.as_ref().is_some_and(|trusted| trusted.size == 0);
        Ok(Self {
            trust,
            log,
            signers,
            with_head,
            head: None,
            trusted,
            agrees,
            begun: false,
            frontier: Frontier::new(),
            held,
            recent: Vec::new(),
            last: None,
            cosigned: Vec::new(),
            checkpoints: 0,
            entries: 0,
            withheld: 0,
            seqs: None,
            room: Room::default(),
            buffer: Vec::new(),
        })
    }

    /// The number of the entry that comes next; of a selection, the least that it can have.
    fn next_seq(&self) -> u64 {
        match self.seqs {
            Some((_, last)) => last + 1,
            None => self.log.first_seq,
        }
    }

    /// Seen in the line of the next entry.
    fn here(&self, what: What) -> Seen {
        Seen {
            seq: Some(self.next_seq()),
            what,
        }
    }

    /// Seen somewhere behind the last checkpoint that held.
    fn since_held(&self, what: What) -> Seen {
        Seen {
            seq: Some(self.held + 1),
            what,
        }
    }

    fn line(&mut self, line: &str) -> Result<(), Seen> {
        let kind = if line.starts_with(BEGINNING) {
            "entry"
        } else {
            wire::kind(line)
        };
        let goes_on = self.log.complete && self.log.first_seq > 1;
        if !self.begun && goes_on && kind != "frontier" {
            return Err(self.here(What::Frontier));
        }
        let begun = std::mem::replace(&mut self.begun, true);
        if self.head.is_some() && self.log.complete && matches!(kind, "entry" | "checkpoint") {
            return Err(self.here(What::Misplaced(kind.to_owned())));
        }
        let malformed = |wrong| self.here(What::Malformed(wrong));
        match kind {
            "entry" => self.entry(line),
            "checkpoint" => {
                let checkpoint: wire::Checkpoint = wire::read(line).map_err(malformed)?;
                self.checkpoint(&checkpoint.note)
            }
            "consistency" => {
                let proof = wire::read(line).map_err(malformed)?;
                self.consistency(&proof)
            }
            "head" if self.with_head => {
                let head = wire::read(line).map_err(malformed)?;
                self.head(&head)
            }
            "frontier" if goes_on && !begun => {
                let frontier = wire::read(line).map_err(malformed)?;
                self.frontier(frontier)
            }
            "frontier" | "log" => Err(self.here(What::Misplaced(kind.to_owned()))),
            _ => Err(malformed("it is of no known type")),
        }
    }

    fn frontier(&mut self, line: wire::Frontier) -> Result<(), Seen> {
        let fits = line.size == self.log.first_seq - 1;
        let frontier = Frontier::from_parts(line.size, line.hashes).ok();
        self.frontier = frontier.filter(|_| fits).ok_or_else(|| self.here(What::Frontier))?;
        self.meet()
    }

    /// Where the log has as many entries as the trusted checkpoint, it must have the same root.
    fn meet(&mut self) -> Result<(), Seen> {
        let size = self.frontier.size();
        if self
            .trust
            .heads
            .get(&size)
            .is_some_and(|root| *root != self.frontier.root())
        {
            return Err(self.split(size));
        }
        if let Some(trusted) = self.trusted.as_ref().filter(|trusted| trusted.size == size) {
            if self.frontier.root() != trusted.root {
                return Err(self.split(size));
            }
            self.agrees = true;
        }
        Ok(())
    }

    /// Where the two histories part is not known: at the latest where the trusted one ends.
    fn split(&self, trusted: u64) -> Seen {
        let seq = if self.log.complete && trusted >= self.log.first_seq {
            self.log.first_seq
        } else {
            1
        };
        Seen {
            seq: Some(seq),
            what: What::Split(trusted),
        }
    }

    fn entry(&mut self, line: &str) -> Result<(), Seen> {
        let next = self.next_seq();
        let seen = |what| Seen { seq: Some(next), what };
        let read = Line::parse(line, &mut self.room).map_err(|wrong| seen(What::Malformed(wrong)))?;
        if read.proof == self.log.complete {
            let wrong = "entries have proofs in selections, and only there";
            return Err(seen(What::Malformed(wrong)));
        }
        let found = read.seq;
        if self.log.complete && found != next {
            return Err(self.gap(next, found, read.leaf));
        }
        if found < next {
            let last = next - 1;
            return Err(Seen {
                seq: Some(found.max(1)),
                what: What::Order { last, found },
            });
        }
        let seen = |what| Seen { seq: Some(found), what };
        let entry = Entry {
            tenant: self.log.tenant,
            seq: read.seq,
            id: read.id,
            time_micros: read.time_micros,
            actor: &read.actor,
            credential: read.credential.as_deref(),
            action: &read.action,
            object: &read.object,
            outcome: &read.outcome,
            request_id: read.request_id,
            commitment: read.commitment,
        };
        if entry.leaf_in(&mut self.buffer) != read.leaf {
            return Err(seen(What::Leaf));
        }
        match read.salt {
            Some(salt) if read.content => {
                if commit_in(&salt, self.room.content.as_bytes(), &mut self.buffer) != read.commitment {
                    return Err(seen(What::Content));
                }
            }
            None if !read.content => self.withheld += 1,
            _ => return Err(seen(What::HalfShown)),
        }
        self.entries += 1;
        self.seqs = Some((self.seqs.map_or(found, |(first, _)| first), found));
        if self.log.complete {
            self.frontier.push(read.leaf);
            if self.recent.len() < RECENT {
                self.recent.push(read.leaf);
            }
            return self.meet();
        }
        let Some(last) = &self.last else {
            return Err(seen(What::Misplaced("entry".to_owned())));
        };
        verify_inclusion(read.leaf, found - 1, last.size, &self.room.proof, last.root).map_err(|_| seen(What::Proof))
    }

    /// A number that is too large tells exactly what is missing. One that was there before tells that either this entry
    /// is a copy, or that the one before was put in its place.
    fn gap(&self, wanted: u64, found: u64, leaf: Hash) -> Seen {
        let before = found.checked_sub(self.held + 1).and_then(|at| usize::try_from(at).ok());
        let seq = match before {
            Some(at) if found < wanted && self.recent.get(at) != Some(&leaf) => found,
            _ => wanted,
        };
        Seen {
            seq: Some(seq),
            what: What::Gap { wanted, found },
        }
    }

    fn checkpoint(&mut self, note: &str) -> Result<(), Seen> {
        const NONE: What = What::Malformed("its note is no signed checkpoint");
        if !self.log.complete && self.begun && self.last.is_some() {
            return Err(self.here(What::Misplaced("checkpoint".to_owned())));
        }
        let note = Note::parse(note, Limits::default()).map_err(|_| self.since_held(NONE))?;
        let checkpoint: Checkpoint = note.text.parse().map_err(|_| self.since_held(NONE))?;
        if checkpoint.origin != self.log.origin {
            return Err(self.since_held(What::Origin(checkpoint.origin)));
        }
        let time = checkpoint.time().ok_or_else(|| self.since_held(What::NoTime))?;
        let cosigned = self.signers.check(&note, time);
        self.cosigned = cosigned.map_err(|what| self.since_held(what))?;
        if self.log.complete {
            let (size, entries) = (checkpoint.size, self.frontier.size());
            if size != entries {
                return Err(self.since_held(What::Place { size, entries }));
            }
            if checkpoint.root != self.frontier.root() {
                return Err(self.since_held(What::Root(size)));
            }
            self.held = size;
            self.recent.clear();
        } else if let Some(trusted) = self.trusted.as_ref().filter(|trusted| trusted.size == checkpoint.size) {
            if trusted.root != checkpoint.root {
                return Err(self.split(trusted.size));
            }
            self.agrees = true;
        }
        self.checkpoints += 1;
        self.last = Some(checkpoint);
        Ok(())
    }

    fn consistency(&mut self, proof: &wire::Consistency) -> Result<(), Seen> {
        let (from, to) = (proof.from, proof.to);
        let Some(last) = self.last.as_ref().filter(|last| from == last.size || to == last.size) else {
            return Err(self.here(What::Misplaced("consistency".to_owned())));
        };
        let Some(trusted) = &self.trusted else {
            return Ok(());
        };
        let roots = if (from, to) == (trusted.size, last.size) {
            (trusted.root, last.root)
        } else if (from, to) == (last.size, trusted.size) {
            (last.root, trusted.root)
        } else {
            return Ok(());
        };
        verify_consistency(from, to, &proof.hashes, roots.0, roots.1).map_err(|_| self.split(trusted.size))?;
        self.agrees = true;
        Ok(())
    }

    fn head(&mut self, line: &wire::Head) -> Result<(), Seen> {
        let Some(last) = self.last.as_ref().filter(|_| self.head.is_none()) else {
            return Err(self.here(What::Misplaced("head".to_owned())));
        };
        let checked = head::check(line, &self.log, last, &mut self.signers);
        self.head = Some(checked.map_err(|what| Seen { seq: None, what })?);
        Ok(())
    }
}
