//! Reads the lines of entries, of which there are many: in one pass, and without a copy of what needs none.
//!
//! It accepts exactly the lines that `wire::EntryOut` writes, which a test holds it to.

use std::borrow::Cow;

use super::wire::Wrong;
use crate::checkpoint::decimal;
use crate::{Hash, MAX_PROOF, text};

/// How every such line begins.
pub const BEGINNING: &str = r#"{"type":"entry","seq":"#;

/// An entry as its line tells it.
pub struct Line<'a> {
    pub seq: u64,
    pub id: [u8; 16],
    pub time_micros: i64,
    pub actor: Cow<'a, str>,
    pub credential: Option<Cow<'a, str>>,
    pub action: Cow<'a, str>,
    pub object: Cow<'a, str>,
    pub outcome: Cow<'a, str>,
    pub request_id: [u8; 16],
    pub commitment: Hash,
    pub leaf: Hash,
    pub salt: Option<[u8; 32]>,
    /// Whether there is content: it is in [`Room`].
    pub content: bool,
    /// Whether there is a proof: it is in [`Room`].
    pub proof: bool,
}

/// What would otherwise be made anew for each line.
#[derive(Default)]
pub struct Room {
    pub content: String,
    pub proof: Vec<Hash>,
}

impl<'a> Line<'a> {
    pub fn parse(line: &'a str, room: &mut Room) -> Result<Self, Wrong> {
        let mut at = Cursor(line);
        at.literal(BEGINNING)?;
        let seq = at.number()?;
        at.literal(r#","id":""#)?;
        let id = at.uuid()?;
        at.literal(r#"","time":""#)?;
        let time_micros = text::parse_time(at.take(27)?).ok_or("the time is not one")?;
        at.literal(r#"","actor":""#)?;
        let actor = at.text()?;
        at.literal(r#","credential":"#)?;
        let credential = at.unless_null(Cursor::text)?;
        at.literal(r#","action":""#)?;
        let action = at.text()?;
        at.literal(r#","object":""#)?;
        let object = at.text()?;
        at.literal(r#","outcome":""#)?;
        let outcome = at.text()?;
        at.literal(r#","request_id":""#)?;
        let request_id = at.uuid()?;
        at.literal(r#"","commitment":""#)?;
        let commitment = at.hash()?;
        at.literal(r#"","leaf":""#)?;
        let leaf = at.hash()?;
        at.literal(r#"","salt":"#)?;
        let salt = at.unless_null(|at| {
            let salt = at.hash()?;
            at.literal("\"").map(|()| *salt.as_bytes())
        })?;
        at.literal(r#","content":"#)?;
        let content = at.unless_null(|at| at.text_into(&mut room.content))?;
        let proof = at.0 != "}";
        if proof {
            at.literal(r#","proof":["#)?;
            at.hashes(&mut room.proof)?;
        }
        at.literal("}")?;
        if !at.0.is_empty() {
            return Err("something stands behind the entry");
        }
        Ok(Self {
            seq,
            id,
            time_micros,
            actor,
            credential,
            action,
            object,
            outcome,
            request_id,
            commitment,
            leaf,
            salt,
            content: content.is_some(),
            proof,
        })
    }
}

/// What is left of the line.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn literal(&mut self, wanted: &str) -> Result<(), Wrong> {
        self.0 = self
            .0
            .strip_prefix(wanted)
            .ok_or("its fields are not those of an entry, in their order and spelling")?;
        Ok(())
    }

    fn take(&mut self, bytes: usize) -> Result<&'a str, Wrong> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or("it ends too early")?;
        self.0 = rest;
        Ok(taken)
    }

    fn number(&mut self) -> Result<u64, Wrong> {
        let digits = self.0.bytes().take_while(u8::is_ascii_digit).count();
        decimal(self.take(digits)?).ok_or("the number is not one")
    }

    fn uuid(&mut self) -> Result<[u8; 16], Wrong> {
        text::parse_uuid(self.take(36)?).ok_or("an id is not one")
    }

    fn hash(&mut self) -> Result<Hash, Wrong> {
        self.take(44)?
            .parse()
            .map_err(|_| "a hash or salt is not 32 bytes in base64")
    }

    fn unless_null<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Wrong>) -> Result<Option<T>, Wrong> {
        if let Some(rest) = self.0.strip_prefix("null") {
            self.0 = rest;
            return Ok(None);
        }
        self.literal("\"")?;
        read(self).map(Some)
    }

    fn hashes(&mut self, into: &mut Vec<Hash>) -> Result<(), Wrong> {
        into.clear();
        while self.0.starts_with(if into.is_empty() { "\"" } else { "," }) {
            if into.len() == MAX_PROOF {
                return Err("the proof is too long");
            }
            self.literal(if into.is_empty() { "\"" } else { ",\"" })?;
            into.push(self.hash()?);
            self.literal("\"")?;
        }
        self.literal("]")
    }

    /// Up to the closing quote, which is taken too.
    fn text(&mut self) -> Result<Cow<'a, str>, Wrong> {
        let plain = self.plain()?;
        if let Some(rest) = self.0.strip_prefix('"') {
            self.0 = rest;
            return Ok(Cow::Borrowed(plain));
        }
        let mut whole = plain.to_owned();
        self.escaped(&mut whole)?;
        Ok(Cow::Owned(whole))
    }

    fn text_into(&mut self, into: &mut String) -> Result<(), Wrong> {
        into.clear();
        self.escaped(into)
    }

    fn escaped(&mut self, into: &mut String) -> Result<(), Wrong> {
        loop {
            into.push_str(self.plain()?);
            if let Some(rest) = self.0.strip_prefix('"') {
                self.0 = rest;
                return Ok(());
            }
            into.push(self.escape()?);
        }
    }

    /// What needs no escape.
    fn plain(&mut self) -> Result<&'a str, Wrong> {
        let end = self.0.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..0x20));
        self.take(end.ok_or("a text has no end")?)
    }

    /// The shortest escape of a character that needs one.
    fn escape(&mut self) -> Result<char, Wrong> {
        const WRONG: Wrong = "a text is escaped where it should not be, or otherwise than it should be";
        let (_, rest) = self
            .0
            .split_at_checked(1)
            .filter(|(mark, _)| *mark == "\\")
            .ok_or(WRONG)?;
        let (kind, rest) = rest.split_at_checked(1).ok_or(WRONG)?;
        self.0 = rest;
        match kind {
            "\"" => Ok('"'),
            "\\" => Ok('\\'),
            "b" => Ok('\u{8}'),
            "t" => Ok('\t'),
            "n" => Ok('\n'),
            "f" => Ok('\u{c}'),
            "r" => Ok('\r'),
            "u" => {
                let digits = self.take(4)?;
                let code = u8::from_str_radix(digits, 16).map_err(|_| WRONG)?;
                let needed = code < 0x20 && !matches!(code, 8 | 9 | 10 | 12 | 13);
                if needed && digits == format!("{code:04x}") {
                    Ok(char::from(code))
                } else {
                    Err(WRONG)
                }
            }
            _ => Err(WRONG),
        }
    }
}
