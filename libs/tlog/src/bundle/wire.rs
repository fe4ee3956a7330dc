//! The lines as JSON.

use std::collections::BTreeSet;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{EntryLine, FORMAT, FORMAT_WITH_HEAD, HeadLine, KnownKey, LogLine, MAX_KEYS};
use crate::note::Algorithm;
use crate::{Error, Hash, MAX_PROOF, MAX_SIZE, text};

/// What is wrong with a line.
pub type Wrong = &'static str;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    #[serde(rename = "type")]
    kind: String,
    format: String,
    tenant: String,
    origin: String,
    complete: bool,
    first_seq: u64,
    keys: Vec<Listed>,
    witnesses: Vec<Listed>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Listed {
    key: String,
    from: String,
    until: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Frontier {
    #[serde(rename = "type")]
    kind: String,
    pub size: u64,
    pub hashes: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    #[serde(rename = "type")]
    kind: String,
    pub note: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    #[serde(rename = "type")]
    kind: String,
    pub from: u64,
    pub to: u64,
    pub hashes: Vec<Hash>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    #[serde(rename = "type")]
    kind: String,
    pub note: String,
    /// 32 bytes in base64, as hashes are.
    pub blind: Hash,
    pub begun: u64,
    pub begun_proof: Vec<Hash>,
    pub index: u64,
    pub time: u64,
    pub proof: Vec<Hash>,
}

#[derive(Serialize)]
pub struct EntryOut<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    seq: u64,
    id: String,
    time: String,
    actor: &'a str,
    credential: Option<&'a str>,
    action: &'a str,
    object: &'a str,
    outcome: &'a str,
    request_id: String,
    commitment: Hash,
    leaf: Hash,
    salt: Option<Hash>,
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'a [Hash]>,
}

impl Log {
    pub fn of(line: &LogLine, format: &str) -> Result<Self, Error> {
        if !(1..=MAX_SIZE).contains(&line.first_seq) || !line.complete && line.first_seq != 1 {
            return Err(Error::Range);
        }
        Ok(Self {
            kind: "log".to_owned(),
            format: format.to_owned(),
            tenant: text::uuid(&line.tenant),
            origin: line.origin.clone(),
            complete: line.complete,
            first_seq: line.first_seq,
            keys: line.keys.iter().map(Listed::of).collect::<Result<_, _>>()?,
            witnesses: line.witnesses.iter().map(Listed::of).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the file may have the line of a head, too. None if it is of another format, which may say anything.
    pub fn parse(line: &str) -> Result<Option<(LogLine, bool)>, Wrong> {
        let is_of = |format| line.starts_with(&format!("{{\"type\":\"log\",\"format\":\"{format}\","));
        let with_head = is_of(FORMAT_WITH_HEAD);
        if !with_head && !is_of(FORMAT) {
            return Ok(None);
        }
        let log: Self = read(line)?;
        if log.origin.is_empty() || log.origin.chars().any(char::is_control) {
            return Err("the origin is no line of text");
        }
        if !(1..=MAX_SIZE).contains(&log.first_seq) {
            return Err("entries are numbered from 1");
        }
        if !log.complete && log.first_seq != 1 {
            return Err("a selection is one of all entries, from 1 on");
        }
        let line = LogLine {
            tenant: text::parse_uuid(&log.tenant).ok_or("the tenant is no id")?,
            origin: log.origin,
            complete: log.complete,
            first_seq: log.first_seq,
            keys: Listed::all(&log.keys, Algorithm::Note)?,
            witnesses: Listed::all(&log.witnesses, Algorithm::Cosignature)?,
        };
        Ok(Some((line, with_head)))
    }
}

impl Listed {
    fn of(known: &KnownKey) -> Result<Self, Error> {
        Ok(Self {
            key: known.key.to_string(),
            from: text::time(known.from)?,
            until: known.until.map(text::time).transpose()?,
        })
    }

    fn parse(&self, algorithm: Algorithm) -> Option<KnownKey> {
        let key: crate::PublicKey = self.key.parse().ok()?;
        let until = self.until.as_deref().map(|until| text::parse_time(until).ok_or(()));
        let known = KnownKey {
            from: text::parse_time(&self.from)?,
            until: until.transpose().ok()?,
            key,
        };
        let written = known.key.to_string() == self.key;
        (written && known.key.algorithm() == algorithm).then_some(known)
    }

    fn all(keys: &[Self], algorithm: Algorithm) -> Result<Vec<KnownKey>, Wrong> {
        if keys.len() > MAX_KEYS {
            return Err("it names too many keys");
        }
        let keys: Option<Vec<KnownKey>> = keys.iter().map(|key| key.parse(algorithm)).collect();
        let keys = keys.ok_or("a key, or when it is good, is not written as it should be")?;
        let different: BTreeSet<_> = keys.iter().map(|known| &known.key).collect();
        if different.len() < keys.len() {
            return Err("it names a key twice");
        }
        Ok(keys)
    }
}

impl Frontier {
    pub fn of(size: u64, hashes: Vec<Hash>) -> Self {
        Self {
            kind: "frontier".to_owned(),
            size,
            hashes,
        }
    }
}

impl Checkpoint {
    pub fn of(note: &str) -> Self {
        Self {
            kind: "checkpoint".to_owned(),
            note: note.to_owned(),
        }
    }
}

impl Consistency {
    pub fn of(from: u64, to: u64, hashes: Vec<Hash>) -> Self {
        Self {
            kind: "consistency".to_owned(),
            from,
            to,
            hashes,
        }
    }
}

impl Head {
    pub fn of(line: &HeadLine<'_>) -> Self {
        let ((begun, begun_proof), (index, proof)) = (line.begun.clone(), line.head.clone());
        Self {
            kind: "head".to_owned(),
            note: line.note.to_owned(),
            blind: Hash::from(line.blind),
            begun,
            begun_proof,
            index,
            time: line.time,
            proof,
        }
    }
}

impl<'a> EntryOut<'a> {
    pub fn of(line: &EntryLine<'a>) -> Result<Self, Error> {
        let entry = &line.entry;
        if line.proof.is_some_and(|proof| proof.len() > MAX_PROOF) {
            return Err(Error::Proof);
        }
        if entry.seq > MAX_SIZE {
            return Err(Error::Range);
        }
        Ok(Self {
            kind: "entry",
            seq: entry.seq,
            id: text::uuid(&entry.id),
            time: text::time(entry.time_micros)?,
            actor: entry.actor,
            credential: entry.credential,
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome,
            request_id: text::uuid(&entry.request_id),
            commitment: entry.commitment,
            leaf: line.leaf,
            // 32 bytes in base64, as hashes are.
            salt: line.shown.map(|shown| Hash::from(shown.salt)),
            content: line.shown.map(|shown| shown.content),
            proof: line.proof,
        })
    }
}

/// Appends a line.
pub fn append(line: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Error> {
    let before = out.len();
    serde_json::to_writer(&mut *out, line).map_err(|_| Error::Note("it cannot be written as JSON"))?;
    out.push(b'\n');
    if out.len() - before > super::MAX_LINE {
        out.truncate(before);
        return Err(Error::TooLong);
    }
    Ok(())
}

/// Reads a line that is not an entry's: as it would be written, or not at all.
pub fn read<T: Serialize + DeserializeOwned>(line: &str) -> Result<T, Wrong> {
    let value: T = serde_json::from_str(line).map_err(|_| "it is no JSON of this shape")?;
    let written = serde_json::to_string(&value).map_err(|_| "it is no JSON of this shape")?;
    if written == line {
        Ok(value)
    } else {
        Err("it is not written in the one way that the format knows")
    }
}

/// The type that a line names.
pub fn kind(line: &str) -> &str {
    let named = line.strip_prefix(r#"{"type":""#).and_then(|rest| rest.split_once('"'));
    named.map_or("", |(kind, _)| kind)
}
