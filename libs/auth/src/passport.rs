//! The signed header in which the gateway hands a caller to a service.
//!
//! The gateway strips whatever arrived under [`HEADER`] and writes its own; services refuse a request without a good
//! one. It is HMAC-SHA-256 (RFC 2104) over its own bytes with a key that only gateway and services hold, and it dies
//! after a minute, so a leaked one is worth little.

use std::net::IpAddr;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::RequestId;
use serde::{Deserialize, Serialize};

use crate::Caller;

/// The header's name. Nothing from outside may carry it inside.
pub const HEADER: &str = "x-yunshu-passport";
/// How long one is good for, in seconds.
pub const LIFETIME_SECONDS: i64 = 60;

/// Whom the gateway let through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bearer {
    /// Nobody in particular: sign-up, sign-in, public keys.
    Anonymous,
    /// A signed-in caller.
    Caller(Caller),
    /// A platform operator who named an access that is not in force. Nobody is let in so; whose attempt it was is for the log.
    Barred(Caller),
    /// The holder of a TLS client certificate (RFC 8705), by the SHA-256 of its DER form in lower-case hex. Whether that
    /// certificate means anything is for the service that bound it to say.
    Certificate(String),
    /// Another part of the platform, by its role's name.
    Platform(String),
}

/// What the header says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passport {
    /// Whom the gateway let through.
    pub bearer: Bearer,
    /// Where the call came from.
    pub address: Option<IpAddr>,
    /// The request it is part of.
    pub request: RequestId,
    /// Good until, seconds since 1970.
    pub expires: i64,
}

/// A header that is not ours, not whole, or too old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no valid passport")]
pub struct Refused;

/// The key that gateway and services share.
#[derive(Clone)]
pub struct Key(hmac::Key);

impl Key {
    /// The key made of 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A key for one process that holds gateway and services together.
    ///
    /// # Panics
    /// If the operating system gives no randomness: nothing on such a machine is safe.
    pub fn random() -> Self {
        let mut secret = [0; 32];
        let filled = aws_lc_rs::rand::fill(&mut secret);
        assert!(filled.is_ok(), "the operating system gives no randomness");
        Self::new(&secret)
    }

    /// The header's value.
    pub fn seal(&self, passport: &Passport) -> String {
        let body = serde_json::to_vec(passport).unwrap_or_default();
        let tag = hmac::sign(&self.0, &body);
        format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(&body),
            URL_SAFE_NO_PAD.encode(tag.as_ref())
        )
    }

    /// What a header's value says, if it is ours and still good at `now` (seconds since 1970).
    pub fn open(&self, value: &str, now: i64) -> Result<Passport, Refused> {
        let (body, tag) = value.split_once('.').ok_or(Refused)?;
        let body = URL_SAFE_NO_PAD.decode(body).map_err(|_| Refused)?;
        let tag = URL_SAFE_NO_PAD.decode(tag).map_err(|_| Refused)?;
        hmac::verify(&self.0, &body, &tag).map_err(|_| Refused)?;
        let passport: Passport = serde_json::from_slice(&body).map_err(|_| Refused)?;
        if passport.expires < now {
            Err(Refused)
        } else {
            Ok(passport)
        }
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passport() -> Passport {
        Passport {
            bearer: Bearer::Anonymous,
            address: None,
            request: RequestId::mint(),
            expires: 100,
        }
    }

    #[test]
    fn t09_only_our_own_passport_opens() {
        let key = Key::random();
        let value = key.seal(&passport());
        assert!(key.open(&value, 100).is_ok());
        assert_eq!(key.open(&value, 101), Err(Refused), "expired");
        assert_eq!(Key::random().open(&value, 0), Err(Refused), "another key");
        for (at, _) in value.char_indices() {
            let mut forged = value.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            // The last character of base64 carries unused bits, so equal bytes may have another spelling.
            if let Ok(same) = key.open(&forged, 0) {
                assert_eq!(same, key.open(&value, 0).unwrap());
            }
        }
        for junk in ["", ".", "a.b", "e30.e30"] {
            assert_eq!(key.open(junk, 0), Err(Refused));
        }
    }
}
