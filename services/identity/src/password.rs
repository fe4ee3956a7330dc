//! Passwords, by NIST SP 800-63B-4: length counts, composition does not, and what attackers try first is refused. Tenants
//! under GB/T 22239-2019 have other rules ([`rules`]); what attackers try first is refused there as well.

mod hasher;
mod rules;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

#[cfg(test)]
pub(crate) use hasher::work;
pub use hasher::{Cost, Error, Hasher, Turn, Verdict};
pub use rules::{Profile, Rules};

/// Code points a password needs where it is the only factor (800-63B-4, 3.1.1.2).
pub const LEAST: usize = 15;
/// Code points a password of several classes needs.
pub const LEAST_MIXED: usize = 10;
/// Bytes a password may have: room for 64 code points of any script, nothing to burn the hasher's time with.
pub const MOST_BYTES: usize = 256;
/// zxcvbn's grade from which an online guesser, even unlimited, gets nowhere: more than 10^8 guesses.
const GOOD_ENOUGH: zxcvbn::Score = zxcvbn::Score::Three;

/// What somebody typed as their password, in normal form.
#[derive(Clone)]
pub struct Password(SecretString);

/// Why a password cannot be chosen. The sentences are for the person who chose it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Fewer than [`LEAST`] code points.
    #[error("must have at least {LEAST} characters; a few unrelated words do well")]
    Short,
    /// Too short or too uniform for `mlps3`.
    #[error("must have at least {LEAST_MIXED} characters of three kinds: small and capital letters, digits, others")]
    Uniform,
    /// More than [`MOST_BYTES`].
    #[error("must have at most {MOST_BYTES} bytes")]
    Long,
    /// One of the last ones.
    #[error("is one that you had before; choose another")]
    Reused,
    /// Among the first that attackers try.
    #[error("is easy to guess: it is common, repetitive or close to your name; a few unrelated words do well")]
    Common,
}

impl Password {
    /// What was typed to sign in.
    pub fn typed(text: &SecretString) -> Result<Self, Refused> {
        if text.expose_secret().len() > MOST_BYTES {
            return Err(Refused::Long);
        }
        // The same keys give different code points on different systems (RFC 8265, OpaqueString).
        let normal: String = text.expose_secret().nfc().collect();
        Ok(Self(SecretString::from(normal)))
    }

    /// Are they the same? Takes the same time wherever they differ.
    pub fn is(&self, other: &Self) -> bool {
        bool::from(
            self.0
                .expose_secret()
                .as_bytes()
                .ct_eq(other.0.expose_secret().as_bytes()),
        )
    }

    fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.expose_secret().as_bytes().to_vec())
    }
}

/// What somebody typed to be their new password: long enough, and not yet judged.
#[derive(Debug, Clone)]
pub struct NewPassword {
    password: Password,
    about: Vec<String>,
}

impl NewPassword {
    /// The password, if its length is right. `about` is what attackers know of the person.
    pub fn check(text: &SecretString, about: &[&str]) -> Result<Self, Refused> {
        Self::check_by(Profile::Nist, text, about)
    }

    /// The password, if it has the form that its tenant asks for.
    pub fn check_by(profile: Profile, text: &SecretString, about: &[&str]) -> Result<Self, Refused> {
        let password = Password::typed(text)?;
        profile.judge(password.0.expose_secret())?;
        Ok(Self {
            password,
            about: about.iter().map(|&known| known.to_owned()).collect(),
        })
    }

    /// As one that is typed to sign in.
    pub const fn as_typed(&self) -> &Password {
        &self.password
    }

    /// Is it among the first that attackers try? Takes as long as a hash: for the hasher's threads.
    fn judge(&self) -> Result<(), Refused> {
        let known: Vec<&str> = self
            .about
            .iter()
            .map(String::as_str)
            .chain(["yunshu", "云枢"])
            .collect();
        let common = zxcvbn::zxcvbn(self.password.0.expose_secret(), &known).score() < GOOD_ENOUGH;
        if common { Err(Refused::Common) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<(), Refused> {
        let about = ["ada.lovelace@example.com", "analytical-engines"];
        NewPassword::check(&SecretString::from(text), &about)?.judge()
    }

    #[test]
    fn length_is_counted_in_code_points() {
        assert_eq!(
            chosen("kø9 vandmåler!").unwrap_err(),
            Refused::Short,
            "14 code points, 16 bytes"
        );
        assert!(chosen("kø9 vandmåler!!").is_ok());
        assert!(chosen("云端的鱼不会在星期三唱京剧吧").is_err(), "14 code points");
        assert!(chosen("云端的鱼不会在星期三唱京剧好吗").is_ok());
    }

    #[test]
    fn sixty_four_characters_of_any_script_are_taken_and_not_cut() {
        let long: String = "龘靐齉爩鱻麤龗灪吁颿".chars().cycle().take(64).collect();
        assert!(Password::typed(&SecretString::from(long.as_str())).is_ok());
        let longer = "x".repeat(MOST_BYTES + 1);
        assert_eq!(chosen(&longer).unwrap_err(), Refused::Long);
    }

    #[test]
    fn what_attackers_try_first_is_refused() {
        for common in [
            "passwordpassword",
            "aaaaaaaaaaaaaaaaaaaa",
            "123456789012345678",
            "qwertyuiopasdfgh",
            "ada.lovelace@example.com",
            "analytical-engines1",
        ] {
            assert_eq!(chosen(common).unwrap_err(), Refused::Common, "{common}");
        }
        assert!(chosen("correct horse battery staple").is_ok());
    }

    #[test]
    fn mlps3_asks_for_three_kinds_of_characters_and_still_refuses_what_is_common() {
        let chosen = |text: &str| {
            NewPassword::check_by(Profile::Mlps3, &SecretString::from(text), &["ada"]).and_then(|new| new.judge())
        };
        assert_eq!(
            chosen("correct horse battery staple"),
            Err(Refused::Uniform),
            "two kinds"
        );
        assert_eq!(chosen("Tz7!kWq2p"), Err(Refused::Uniform), "nine characters");
        assert_eq!(chosen("Password1!"), Err(Refused::Common));
        assert_eq!(chosen("Tz7!kWq2pv"), Ok(()));
        assert_eq!(chosen("Tz7kWq2pvx"), Ok(()), "three of four");
        assert_eq!(
            chosen("云端tz7kwq2pv"),
            Ok(()),
            "what is neither letter nor digit of ASCII is of the fourth kind"
        );
    }

    #[test]
    fn two_spellings_of_one_text_are_one_password() {
        let typed = |text: &str| Password::typed(&SecretString::from(text)).unwrap().bytes();
        assert_eq!(typed("caf\u{e9}"), typed("cafe\u{301}"));
    }

    #[test]
    fn t24_a_password_is_never_printed() {
        let password = Password::typed(&SecretString::from("hunter2")).unwrap();
        let new = NewPassword {
            password: password.clone(),
            about: Vec::new(),
        };
        assert!(!format!("{password:?} {new:?}").contains("hunter2"));
    }
}
