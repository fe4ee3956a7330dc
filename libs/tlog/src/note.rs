//! Signed notes (c2sp.org/signed-note) and cosignatures (c2sp.org/tlog-cosignature).

use std::fmt::{self, Write as _};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::{Error, Hash};

mod key;

pub use key::{Algorithm, PublicKey, Signer};

/// Em dash and space.
const MARK: &str = "\u{2014} ";

/// How much a note may be.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The whole note.
    pub bytes: usize,
    /// Its signatures.
    pub signatures: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            bytes: 64 * 1024,
            signatures: 64,
        }
    }
}

/// Who is said to have signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureLine {
    /// The name of the key.
    pub name: String,
    /// Tells keys of one name apart.
    pub key_id: [u8; 4],
    /// What the key made of the text; of a cosignature, its time comes first.
    pub signature: Vec<u8>,
}

/// A text and its signatures. Nothing is known of the text before [`Note::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Ends with a newline.
    pub text: String,
    /// One at least.
    pub signatures: Vec<SignatureLine>,
}

impl Note {
    /// Reads a note: text, empty line, signatures.
    pub fn parse(whole: &str, limits: Limits) -> Result<Self, Error> {
        if whole.len() > limits.bytes {
            return Err(Error::Note("it is too long"));
        }
        if whole.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(Error::Note("it has control characters"));
        }
        let end = whole.rfind("\n\n").ok_or(Error::Note("it has no signatures"))?;
        let (text, lines) = whole.split_at(end + 1);
        let lines = lines
            .get(1..)
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(Error::Note("its last line is not whole"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == limits.signatures {
                return Err(Error::Note("it has too many signatures"));
            }
            signatures.push(line.parse()?);
        }
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// Whether this key signed the text: all that is signed in its name must be. A cosignature gives its time, in
    /// seconds since 1970.
    pub fn verify(&self, key: &PublicKey) -> Result<Option<u64>, Error> {
        let id = key.id();
        let mut found = Err(Error::Unsigned);
        for line in &self.signatures {
            if line.key_id == id && line.name == key.name() {
                found = Ok(key.check(&self.text, &line.signature)?);
            }
        }
        found
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| write!(f, "{line}"))
    }
}

impl fmt::Display for SignatureLine {
    /// With its newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [self.key_id.as_slice(), &self.signature].concat();
        writeln!(f, "{MARK}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl FromStr for SignatureLine {
    type Err = Error;

    /// With its newline or without.
    fn from_str(line: &str) -> Result<Self, Error> {
        let line = line.strip_suffix('\n').unwrap_or(line);
        let rest = line
            .strip_prefix(MARK)
            .ok_or(Error::Note("a signature does not begin with a dash"))?;
        let (name, signature) = rest.split_once(' ').ok_or(Error::Note("a signature has no name"))?;
        if !key::is_name(name) {
            return Err(Error::Note("a signature has no name that a key may have"));
        }
        let bytes = STANDARD
            .decode(signature)
            .map_err(|_| Error::Note("a signature is not in base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, signature)) if !signature.is_empty() => Ok(Self {
                name: name.to_owned(),
                key_id: *key_id,
                signature: signature.to_vec(),
            }),
            _ => Err(Error::Note("a signature is too short")),
        }
    }
}

/// What a cosigner signs: the time, and the whole text.
fn cosigned(text: &str, time: u64) -> String {
    let mut message = String::with_capacity(text.len() + 40);
    // Writing to a string does not fail.
    let _ = write!(message, "cosignature/v1\ntime {time}\n{text}");
    message
}

fn key_id(name: &str, algorithm: u8, key: &[u8]) -> [u8; 4] {
    let hash = Hash::of(&[name.as_bytes(), &[b'\n', algorithm], key].concat());
    let [a, b, c, d, ..] = *hash.as_bytes();
    [a, b, c, d]
}

#[cfg(test)]
mod tests;
