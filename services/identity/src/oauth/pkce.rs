//! Proof Key for Code Exchange (RFC 7636), S256 alone.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// What a client sends ahead: the hash of a verifier that only it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Challenge(String);

impl Challenge {
    /// The challenge, if it is base64url of 32 bytes.
    pub fn check(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// What was checked before it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Is it this verifier's?
    pub fn is_of(&self, verifier: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let shaped = (43..=128).contains(&verifier.len()) && verifier.bytes().all(plain);
        let hash = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
        shaped && bool::from(hash.as_bytes().ct_eq(self.0.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_7636_holds_and_nothing_else_does() {
        let challenge = Challenge::check("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM").unwrap();
        assert!(challenge.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"));
        assert!(!challenge.is_of("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXl"));
        assert!(!challenge.is_of("E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"), "plain");
        for bad in [
            "",
            "short",
            &"a".repeat(44),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM",
        ] {
            assert!(Challenge::check(bad).is_none(), "{bad}");
        }
        let short = Challenge(URL_SAFE_NO_PAD.encode(Sha256::digest("short")));
        assert!(!short.is_of("short"));
    }
}
