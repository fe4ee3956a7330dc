//! Recovery codes: written down for the day the other factor is lost, each good once.

use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

/// As many as a person gets at once.
pub const COUNT: usize = 10;
/// 120 bits: above the 112 from which plain SHA-256 is enough to keep one by (OWASP ASVS 6.5.2).
const BYTES: usize = 15;
const LETTERS: usize = BYTES * 8 / 5;
/// Crockford's base 32: no letter that is read as another.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A code, in its plain spelling.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// A new one.
    pub fn make() -> Self {
        let bytes = Zeroizing::new(crypto::random::<BYTES>());
        let mut text = Zeroizing::new(String::with_capacity(LETTERS));
        for five in bytes.chunks_exact(5) {
            let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            for letter in (0..8).rev() {
                let index = usize::try_from(bits >> (letter * 5) & 31).unwrap_or_default();
                text.push(ALPHABET.get(index).map_or('0', |letter| char::from(*letter)));
            }
        }
        Self(text)
    }

    /// The code, however it was typed: large or small, with or without hyphens, `O` for zero, `I` or `L` for one.
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > 128 {
            return None;
        }
        let plain: Zeroizing<String> = Zeroizing::new(
            text.nfkc()
                .filter(|letter| !letter.is_whitespace() && *letter != '-')
                .map(|letter| match letter.to_ascii_lowercase() {
                    'o' => '0',
                    'i' | 'l' => '1',
                    other => other,
                })
                .collect(),
        );
        let fits = plain.len() == LETTERS && plain.bytes().all(|byte| ALPHABET.contains(&byte));
        fits.then_some(Self(plain))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }

    /// What its holder writes down, in groups of four.
    pub fn expose(&self) -> String {
        let mut text = String::with_capacity(LETTERS + LETTERS / 4);
        for (at, letter) in self.0.chars().enumerate() {
            if at > 0 && at % 4 == 0 {
                text.push('-');
            }
            text.push(letter);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_recognised_however_it_is_typed() {
        let code = Code::make();
        let shown = code.expose();
        assert_eq!((shown.len(), shown.matches('-').count()), (29, 5), "{shown}");
        for typed in [
            shown.clone(),
            shown.replace('-', ""),
            shown.to_uppercase(),
            shown.replace('-', " ").replace('0', "O").replace('1', "l"),
        ] {
            assert_eq!(Code::typed(&typed).unwrap().hash(), code.hash(), "{typed}");
        }
        for bad in ["", &shown[1..], &format!("{shown}0"), &shown.replace(&shown[..1], "u")] {
            assert!(Code::typed(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn no_two_are_alike() {
        let (one, other) = (Code::make().expose(), Code::make().expose());
        assert_ne!(one, other);
    }
}
