//! Tokens that are good once: whoever has one may do one thing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// SHA-256 of a token. Tokens are 256 random bits, so nothing slower is needed.
pub type TokenDigest = [u8; 32];

/// A token, shown once.
pub struct Token(String);

impl Token {
    /// A new one. The prefix says what it is for, to people and to scanners for leaked secrets.
    pub fn make(prefix: &str) -> Self {
        Self(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(crypto::random::<32>())))
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        digest(&self.0)
    }

    /// The text, for the one place that shows it.
    pub fn reveal(self) -> String {
        self.0
    }
}

/// What is kept of a token that was sent.
pub fn digest(token: &str) -> TokenDigest {
    Sha256::digest(token).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_told_from_other_secrets_and_from_each_other() {
        let (one, other) = (Token::make("y_"), Token::make("y_"));
        assert_ne!(one.digest(), other.digest());
        let digested = one.digest();
        let text = one.reveal();
        assert!(text.starts_with("y_") && text.len() == 45, "{text}");
        assert_eq!(digest(&text), digested);
    }
}
