//! What is handed over of a breach (GDPR, Art. 33): what somebody suspected did and read, as a selection of the log that proves each
//! entry, then what it comes to, then what the log says of both, signed.
//!
//! The file is one JSON object per line. Up to the line of type `breach` it is a selection in the format of [`crate::bundle`], which
//! verifies by itself; behind it stand the lines that sum it up; the last one, of type `signed`, holds a note of the log's with
//! the SHA-256 of every byte before it. A selection proves what it has. That it has all that was asked for only the log can say, and
//! here it signs for it. The second line of the note begins with a word where a checkpoint has a number.

use std::io::{self, BufRead, Read};

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::{self, Finding, MAX_LINE, Report, Trust};
use crate::checkpoint::decimal;
use crate::note::Limits;
use crate::{Error, Hash, Note, PublicKey};

/// What the note begins with.
pub const FORMAT: &str = "yunshu-breach/1";
/// What ends the selection.
const BEGIN: &[u8] = br#"{"type":"breach","#;
/// What the last line begins with.
const SIGNED: &[u8] = br#"{"type":"signed","#;
/// So many lines may sum it up, and so many bytes.
pub const MOST: usize = 100_000;
const MOST_BYTES: usize = 256 * 1024 * 1024;

/// What the log signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// The log.
    pub origin: String,
    /// When it was said, in seconds since 1970.
    pub time: u64,
    /// The size of the log then, as far as it was signed for.
    pub size: u64,
    /// Its root.
    pub root: Hash,
    /// The entries that were found.
    pub entries: u64,
    /// Of every byte before.
    pub print: Hash,
}

/// What was verified, when all of it held.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Breach {
    /// Of the selection.
    pub report: Report,
    /// When it was said that this is all, in seconds since 1970.
    pub time: u64,
    /// What was asked for, then what it comes to.
    pub lines: Vec<Value>,
}

/// Why a file is not believed.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// Of the selection.
    #[error(transparent)]
    Selection(#[from] Finding),
    /// Of what is said of it.
    #[error(transparent)]
    Statement(#[from] Error),
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
}

/// The print of a file that is being written.
#[derive(Clone)]
pub struct Print(Context);

impl Default for Print {
    fn default() -> Self {
        Self(Context::new(&SHA256))
    }
}

impl Print {
    /// Takes in what is written.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Of all that was taken in.
    pub fn finish(self) -> Hash {
        let mut hash = [0; 32];
        hash.copy_from_slice(self.0.finish().as_ref());
        Hash::from(hash)
    }
}

/// The text to sign.
pub fn text(said: &Statement) -> String {
    let Statement {
        origin,
        time,
        size,
        root,
        entries,
        print,
    } = said;
    format!("{FORMAT}\norigin {origin}\ntime {time}\ncheckpoint {size} {root}\nentries {entries}\nsha256 {print}\n")
}

/// The last line.
pub fn signed_line(note: &str) -> String {
    format!("{{\"type\":\"signed\",\"note\":{}}}\n", Value::from(note))
}

/// Verifies a file with the log's keys, of which at least one must be named, and what else is trusted.
pub fn verify<R: BufRead>(reader: R, trust: &Trust) -> Result<Breach, Doubt> {
    let mut whole = Whole {
        reader,
        print: Print::default(),
        line: Vec::new(),
        read: 0,
        ended: false,
    };
    let report = bundle::verify(&mut whole, trust)?;
    if report.complete || trust.keys.is_empty() {
        return Err(Error::Note("it is no selection that a key which is known signed").into());
    }
    let (lines, said) = summary(whole)?;
    let (note, print) = said;
    let said = statement(&note, &trust.keys)?;
    let expected = Statement {
        origin: report.origin.clone(),
        time: said.time,
        size: report.size,
        root: report.root,
        entries: report.entries,
        print,
    };
    if said != expected {
        return Err(Error::Note("it is about another file than this").into());
    }
    Ok(Breach {
        report,
        time: said.time,
        lines,
    })
}

type Signed = (String, Hash);

/// The lines behind the selection, and the note with the print of what is before it.
fn summary<R: BufRead>(mut whole: Whole<R>) -> Result<(Vec<Value>, Signed), Doubt> {
    let odd = || Doubt::from(Error::Note("a line is not as it should be"));
    let (mut lines, mut room) = (Vec::new(), MOST_BYTES);
    loop {
        let line = std::mem::take(&mut whole.line);
        room = room.checked_sub(line.len()).ok_or_else(odd)?;
        if line.starts_with(SIGNED) {
            let last: Last = serde_json::from_slice(&line).map_err(|_| odd())?;
            whole.fill()?;
            let print = whole.print.finish();
            return if whole.line.is_empty() && signed_line(&last.note).as_bytes() == line {
                Ok((lines, (last.note, print)))
            } else {
                Err(odd())
            };
        }
        if !line.ends_with(b"\n") || lines.len() >= MOST {
            return Err(odd());
        }
        whole.print.update(&line);
        lines.push(serde_json::from_slice(&line).map_err(|_| odd())?);
        whole.fill()?;
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    #[serde(rename = "type")]
    _kind: String,
    note: String,
}

fn statement(note: &str, keys: &[PublicKey]) -> Result<Statement, Error> {
    let note = Note::parse(note, Limits::default())?;
    let mut signed = false;
    for key in keys {
        match note.verify(key) {
            Ok(_) => signed = true,
            Err(Error::Unsigned) => {}
            Err(error) => return Err(error),
        }
    }
    if !signed {
        return Err(Error::Unsigned);
    }
    let odd = Error::Note("its lines are not those of a statement");
    let mut lines = note.text.split('\n');
    let mut field = |name: &str| lines.next().and_then(|line| line.strip_prefix(name)).ok_or(odd.clone());
    if !field(FORMAT)?.is_empty() {
        return Err(odd);
    }
    let (origin, time) = (field("origin ")?.to_owned(), field("time ")?);
    let (size, root) = field("checkpoint ")?.split_once(' ').ok_or(odd.clone())?;
    let (entries, print) = (field("entries ")?, field("sha256 ")?);
    let said = Statement {
        origin,
        time: decimal(time).ok_or(Error::Time)?,
        size: decimal(size).ok_or(odd.clone())?,
        root: root.parse()?,
        entries: decimal(entries).ok_or(odd.clone())?,
        print: print.parse()?,
    };
    // Nothing else stands there, and nothing in another spelling.
    if text(&said) == note.text { Ok(said) } else { Err(odd) }
}

/// The file up to the line that ends the selection, which stays in `line`; every byte of it is in the print.
struct Whole<R> {
    reader: R,
    print: Print,
    line: Vec<u8>,
    read: usize,
    ended: bool,
}

impl<R: BufRead> Whole<R> {
    fn fill(&mut self) -> io::Result<()> {
        self.read = 0;
        self.line.clear();
        let mut limited = self.reader.by_ref().take(MAX_LINE as u64 + 1);
        limited.read_until(b'\n', &mut self.line)?;
        Ok(())
    }
}

impl<R: BufRead> Read for &mut Whole<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let from = self.fill_buf()?;
        let length = from.len().min(into.len());
        for (to, byte) in into.iter_mut().zip(from) {
            *to = *byte;
        }
        self.consume(length);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for &mut Whole<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.read == self.line.len() && !self.ended {
            self.fill()?;
            self.ended = self.line.starts_with(BEGIN) || self.line.is_empty();
            if !self.ended {
                self.print.update(&self.line);
            }
        }
        Ok(if self.ended {
            &[]
        } else {
            self.line.get(self.read..).unwrap_or_default()
        })
    }

    fn consume(&mut self, amount: usize) {
        self.read += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::{EntryLine, KnownKey, LogLine, Shown, write_checkpoint};
    use crate::{Checkpoint, Entry, Frontier, Signer, commit};

    const ORIGIN: &str = "cloud.example/audit/t";

    fn signer(seed: u8) -> Signer {
        Signer::from_seed("cloud.example/audit", &[seed; 32]).unwrap()
    }

    /// A log of one entry, what sums it up, and what is signed of it, by this key.
    fn file(by: &Signer, change: impl FnOnce(&mut Statement)) -> Vec<u8> {
        let known = KnownKey {
            key: signer(1).public(),
            from: 0,
            until: None,
        };
        let log = LogLine {
            tenant: [1; 16],
            origin: ORIGIN.to_owned(),
            complete: false,
            first_seq: 1,
            keys: vec![known],
            witnesses: Vec::new(),
        };
        let entry = Entry {
            tenant: [1; 16],
            seq: 1,
            id: [2; 16],
            time_micros: 1,
            actor: "user:eve",
            credential: None,
            action: "user.read",
            object: "user:ann",
            outcome: "success",
            request_id: [3; 16],
            commitment: commit(&[4; 32], b"{}"),
        };
        let mut frontier = Frontier::new();
        frontier.push(entry.leaf());
        let state = Checkpoint::at(ORIGIN, 1, frontier.root(), 5).to_string();
        let mut out = Vec::new();
        log.write(&mut out).unwrap();
        write_checkpoint(&format!("{state}\n{}", signer(1).sign(&state)), &mut out).unwrap();
        let line = EntryLine {
            leaf: entry.leaf(),
            entry,
            shown: Some(Shown {
                salt: [4; 32],
                content: "{}",
            }),
            proof: Some(&[]),
        };
        line.write(&mut out).unwrap();
        out.extend(format!("{{\"type\":\"breach\",\"format\":\"{FORMAT}\"}}\n").bytes());
        out.extend(b"{\"type\":\"subject\",\"id\":\"user:ann\"}\n");
        let mut print = Print::default();
        print.update(&out);
        let mut said = Statement {
            origin: ORIGIN.to_owned(),
            time: 6,
            size: 1,
            root: frontier.root(),
            entries: 1,
            print: print.finish(),
        };
        change(&mut said);
        let text = text(&said);
        out.extend(signed_line(&format!("{text}\n{}", by.sign(&text))).bytes());
        out
    }

    fn read(file: &[u8]) -> Result<Breach, Doubt> {
        let trust = Trust {
            keys: vec![signer(1).public()],
            ..Trust::default()
        };
        verify(file, &trust)
    }

    #[test]
    fn what_was_handed_over_is_read_with_its_proofs() {
        let read = read(&file(&signer(1), |_| {})).unwrap();
        assert_eq!((read.report.entries, read.time, read.lines.len()), (1, 6, 2));
        assert_eq!(read.lines[1]["id"], "user:ann");
        let text = statement_text();
        assert!(text.parse::<Checkpoint>().is_err(), "t26: never taken for a checkpoint");
    }

    fn statement_text() -> String {
        let said = Statement {
            origin: ORIGIN.to_owned(),
            time: 6,
            size: 1,
            root: Hash::of(b""),
            entries: 1,
            print: Hash::of(b""),
        };
        text(&said)
    }

    #[test]
    fn t25_every_changed_byte_and_every_cut_is_noticed() {
        let good = file(&signer(1), |_| {});
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert!(read(&bad).is_err(), "byte {at}: {}", String::from_utf8_lossy(&bad));
            assert!(read(&good[..at]).is_err(), "cut at {at}");
        }
        assert!(read(&[good.as_slice(), b"\n"].concat()).is_err());
        assert!(read(&[good.as_slice(), good.as_slice()].concat()).is_err());
        assert!(read(&file(&signer(2), |_| {})).is_err(), "another's signature");
        let lies: [fn(&mut Statement); 5] = [
            |said| said.entries = 2,
            |said| said.size = 2,
            |said| said.origin.push('x'),
            |said| said.root = Hash::of(b"x"),
            |said| said.print = Hash::of(b"x"),
        ];
        for (at, lie) in lies.into_iter().enumerate() {
            assert!(read(&file(&signer(1), lie)).is_err(), "lie {at}");
        }
        assert!(
            verify(good.as_slice(), &Trust::default()).is_err(),
            "without a key nothing is believed"
        );
    }
}
