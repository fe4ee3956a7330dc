//! The form of API keys: `ysk_<id>_<secret><crc32>`.
//!
//! The prefix lets secret scanners find one, the checksum lets them (and us, before any lookup) tell one from noise, and
//! all of it is letters, digits and `_`, so that a double click selects it. The secret has 256 bits of the operating
//! system's randomness, so plain SHA-256 is enough to keep it by (OWASP ASVS 6.5.2 asks for 112).

use aws_lc_rs::{constant_time, digest, rand};
use ids::ApiKeyId;

/// What every key begins with.
pub const PREFIX: &str = "ysk_";

/// The operating system gives no randomness.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no randomness")]
pub struct NoRandomness;

/// A key as its holder sends it, checked for form.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ApiKey {
    /// Which one it says it is.
    pub id: ApiKeyId,
    hash: [u8; 32],
}

impl ApiKey {
    /// A new key, and the text that only its holder keeps.
    pub fn generate() -> Result<(Self, String), NoRandomness> {
        let mut halves = [[0; 16]; 2];
        for half in &mut halves {
            rand::fill(half).map_err(|_| NoRandomness)?;
        }
        let [first, second] = halves.map(u128::from_be_bytes);
        let (id, hex) = (ApiKeyId::mint(), format!("{first:032x}{second:032x}"));
        let body = format!("{PREFIX}{}_{hex}", id.as_uuid().simple());
        let text = format!("{body}{:08x}", crc32fast::hash(body.as_bytes()));
        Ok((Self { id, hash: sha256(&hex) }, text))
    }

    /// The key that this text is; none if it cannot be one of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |text: &str| {
            text.bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
        };
        let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
        if id.len() != 32 || rest.len() != 64 + 8 || !plain(id) || !plain(rest) {
            return None;
        }
        let (secret, sum) = rest.split_at_checked(64)?;
        let body = text.strip_suffix(sum)?;
        if u32::from_str_radix(sum, 16).ok()? != crc32fast::hash(body.as_bytes()) {
            return None;
        }
        let id = ids::uuid::Uuid::try_parse(id).ok()?;
        Some(Self {
            id: ApiKeyId::from_uuid(id),
            hash: sha256(secret),
        })
    }

    /// What is kept of it: the SHA-256 of its secret.
    pub const fn hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// Is `kept` this key's? Takes the same time wherever they differ.
    pub fn is(&self, kept: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(&self.hash, kept).is_ok()
    }
}

impl std::fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ApiKey({})", self.id)
    }
}

/// A hash as 64 hexadecimal digits.
pub fn hex(hash: &[u8; 32]) -> String {
    hash.iter()
        .fold(String::with_capacity(64), |text, byte| text + &format!("{byte:02x}"))
}

fn sha256(text: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_back_and_a_slip_of_the_pen_is_noticed() {
        let (key, text) = ApiKey::generate().unwrap();
        let read = ApiKey::parse(&text).unwrap();
        assert_eq!(read, key);
        assert!(read.is(key.hash()) && !read.is(ApiKey::generate().unwrap().0.hash()));
        assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        for at in 0..text.len() {
            let mut other = text.clone().into_bytes();
            other[at] = if other[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(ApiKey::parse(std::str::from_utf8(&other).unwrap()), None, "{at}");
        }
        assert!(!format!("{key:?}").contains(&text[40..]));
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_taken_for_a_key(text in "(ysk_)?[0-9a-f_é]{0,120}") {
            proptest::prop_assert_eq!(ApiKey::parse(&text), None);
        }
    }
}
