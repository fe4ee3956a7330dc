use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::{SignatureLine, cosigned, key_id};
use crate::Error;

/// What a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Notes: Ed25519 over the text.
    Note,
    /// Cosignatures: Ed25519 over a time and the text.
    Cosignature,
}

impl Algorithm {
    /// Its byte in keys (c2sp.org/signed-note).
    pub const fn byte(self) -> u8 {
        match self {
            Self::Note => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            0x01 => Some(Self::Note),
            0x04 => Some(Self::Cosignature),
            _ => None,
        }
    }
}

/// May a key be called so?
pub(super) fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// A name and the key that signs under it. Its text is `name+id+key`, the id in hexadecimal digits, the key in base64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey {
    name: String,
    algorithm: Algorithm,
    bytes: [u8; 32],
}

impl PublicKey {
    /// Of these parts; a name has neither white space nor plus signs.
    pub fn new(name: &str, algorithm: Algorithm, bytes: [u8; 32]) -> Result<Self, Error> {
        if !is_name(name) {
            return Err(Error::Key("no name that a key may have"));
        }
        Ok(Self {
            name: name.to_owned(),
            algorithm,
            bytes,
        })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it signs.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The key alone.
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Tells keys of one name apart in signatures.
    pub fn id(&self) -> [u8; 4] {
        key_id(&self.name, self.algorithm.byte(), &self.bytes)
    }

    pub(super) fn check(&self, text: &str, signature: &[u8]) -> Result<Option<u64>, Error> {
        let (time, message, signature) = match self.algorithm {
            Algorithm::Note => (None, None, signature),
            Algorithm::Cosignature => {
                let (time, signature) = signature.split_first_chunk().ok_or(Error::Signature)?;
                let time = u64::from_be_bytes(*time);
                if time > i64::MAX.unsigned_abs() {
                    return Err(Error::Signature);
                }
                (Some(time), Some(cosigned(text, time)), signature)
            }
        };
        UnparsedPublicKey::new(&ED25519, self.bytes)
            .verify(message.as_deref().unwrap_or(text).as_bytes(), signature)
            .map_err(|_| Error::Signature)?;
        Ok(time)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut key = vec![self.algorithm.byte()];
        key.extend(self.bytes);
        let id = u32::from_be_bytes(self.id());
        write!(f, "{}+{id:08x}+{}", self.name, STANDARD.encode(key))
    }
}

impl FromStr for PublicKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Key("it has not three parts"));
        };
        let key = STANDARD
            .decode(key)
            .map_err(|_| Error::Key("the key is not in base64"))?;
        let (algorithm, bytes) = key.split_first().ok_or(Error::Key("the key is empty"))?;
        let algorithm = Algorithm::of(*algorithm).ok_or(Error::Key("it is of an unknown kind"))?;
        let bytes = bytes.try_into().map_err(|_| Error::Key("the key has not 32 bytes"))?;
        let key = Self::new(name, algorithm, bytes)?;
        if id == format!("{:08x}", u32::from_be_bytes(key.id())) {
            Ok(key)
        } else {
            Err(Error::Key("the id is not that of name and key"))
        }
    }
}

/// Signs notes, or cosigns them, under a name.
pub struct Signer {
    name: String,
    pair: Ed25519KeyPair,
    public: [u8; 32],
}

impl Signer {
    /// From the 32 secret bytes of an Ed25519 key.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| Error::Key("the seed is refused"))?;
        let public = pair.public_key().as_ref().try_into();
        let public = public.map_err(|_| Error::Key("the key has not 32 bytes"))?;
        PublicKey::new(name, Algorithm::Note, public)?;
        Ok(Self {
            name: name.to_owned(),
            pair,
            public,
        })
    }

    /// What verifies [`Signer::sign`].
    pub fn public(&self) -> PublicKey {
        self.of(Algorithm::Note)
    }

    /// What verifies [`Signer::cosign`].
    pub fn public_cosigner(&self) -> PublicKey {
        self.of(Algorithm::Cosignature)
    }

    /// The signature line of a note with this text, newline included.
    pub fn sign(&self, text: &str) -> String {
        self.line(Algorithm::Note, self.pair.sign(text.as_bytes()).as_ref().to_vec())
    }

    /// The line of a cosignature made at this time (seconds since 1970), newline included.
    pub fn cosign(&self, text: &str, time_seconds: u64) -> String {
        let signature = self.pair.sign(cosigned(text, time_seconds).as_bytes());
        let timed = [time_seconds.to_be_bytes().as_slice(), signature.as_ref()].concat();
        self.line(Algorithm::Cosignature, timed)
    }

    fn of(&self, algorithm: Algorithm) -> PublicKey {
        PublicKey {
            name: self.name.clone(),
            algorithm,
            bytes: self.public,
        }
    }

    fn line(&self, algorithm: Algorithm, signature: Vec<u8>) -> String {
        let line = SignatureLine {
            name: self.name.clone(),
            key_id: self.of(algorithm).id(),
            signature,
        };
        line.to_string()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
