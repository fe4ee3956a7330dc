//! Codes that are sent, by mail or by SMS.
//!
//! # What it guarantees
//! A code is good once, for ten minutes, and for the one thing it was sent for: a sign-in, a session's step-up, or a factor to be
//! confirmed. What is kept is an HMAC over the code and all that it is bound to, under a key of its own that is encrypted for its
//! row; so neither a copy of the table nor a row moved elsewhere gives a code away or makes one good.
//!
//! # Why eight digits
//! Each code takes five tries, and an account is sent ten by SMS and twenty by mail in a day at most ([`crate::guess`]):
//! 150 tries a day of somebody who knows the password already. Six digits would fall to them within a year once in twenty
//! times, eight within a century once in twenty.

use aws_lc_rs::hmac;
use chrono::TimeDelta;
use crypto::{KeyError, Place, Purpose, TenantKeys};
use fault::FieldError;
use ids::uuid::Uuid;
use ids::{ChallengeId, FactorId, SessionId, TenantId, UserId};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

const DIGITS: usize = 8;
const CODES: u64 = 100_000_000;
/// How long a code is good.
pub const LIVES: TimeDelta = TimeDelta::minutes(10);
/// Tries that a code takes.
pub const TRIES: i16 = 5;
/// Codes that are sent for one thing.
pub const SENDS: i16 = 3;

/// A code, in its plain spelling.
#[derive(Clone)]
pub struct Code(Zeroizing<String>);

impl Code {
    /// A new one.
    pub fn make() -> Self {
        // Of 2^64 numbers the last few make some codes likelier by 10^-11: nobody guesses better for it.
        let number = u64::from_be_bytes(crypto::random()) % CODES;
        Self(Zeroizing::new(format!("{number:0DIGITS$}")))
    }

    /// The code, however it was typed: with spaces, or in the wide digits of East Asian keyboards.
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let plain: Zeroizing<String> = Zeroizing::new(
            text.nfkc()
                .filter(|letter| !letter.is_whitespace() && *letter != '-')
                .collect(),
        );
        let fits = plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(Self(plain))
    }

    /// For the one message that carries it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// What a code is sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum For {
    /// To show that a factor to be is within reach.
    Enrol(FactorId),
    /// The second half of a sign-in.
    SignIn(ChallengeId),
    /// To show a factor again in a session.
    StepUp(SessionId),
}

/// All that a code is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Whose.
    pub user: UserId,
    /// What for.
    pub to: For,
    /// Where it was sent.
    pub factor: FactorId,
}

/// What is kept of a code.
pub struct Locked {
    /// The key of the hash, encrypted.
    pub key: Vec<u8>,
    /// The keyed hash.
    pub hash: [u8; 32],
}

impl Bound {
    /// What for, as it is kept.
    pub const fn purpose(&self) -> &'static str {
        match self.to {
            For::Enrol(_) => "enrol",
            For::SignIn(_) => "sign_in",
            For::StepUp(_) => "step_up",
        }
    }

    /// To which factor, challenge or session.
    pub const fn id(&self) -> Uuid {
        match self.to {
            For::Enrol(factor) => factor.as_uuid(),
            For::SignIn(challenge) => challenge.as_uuid(),
            For::StepUp(session) => session.as_uuid(),
        }
    }

    /// What to keep of a code that is sent for this.
    pub fn lock(&self, keys: &TenantKeys, code: &Code) -> Result<Locked, KeyError> {
        let key = Zeroizing::new(crypto::random::<32>());
        Ok(Locked {
            key: keys.seal(
                Purpose::Credentials,
                &self.place(&self.id().to_string()),
                key.as_slice(),
            )?,
            hash: self.mac(key.as_slice(), code),
        })
    }

    /// What would be kept of this code under a key that is.
    pub fn hash(&self, keys: &TenantKeys, key: &[u8], code: &Code) -> Result<[u8; 32], KeyError> {
        let key = keys.open(&self.place(&self.id().to_string()), key)?;
        Ok(self.mac(&key, code))
    }

    fn mac(&self, key: &[u8], code: &Code) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        // All but the purpose are of one length, and that ends with a zero.
        context.update(self.purpose().as_bytes());
        context.update(&[0]);
        for id in [
            self.tenant.as_uuid(),
            self.user.as_uuid(),
            self.id(),
            self.factor.as_uuid(),
        ] {
            context.update(id.as_bytes());
        }
        context.update(code.0.as_bytes());
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }

    const fn place<'a>(&self, row: &'a str) -> Place<'a> {
        Place {
            tenant: self.tenant,
            table: "identity.sent_codes",
            column: "key",
            row,
        }
    }
}

/// A telephone number as ITU-T E.164 writes it: `+`, country, number.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone(Zeroizing<String>);

impl Phone {
    /// The number, if it is one: 8 to 15 digits after the `+`, however they are grouped.
    pub fn check(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let wrong = || {
            let rule = "must be a telephone number with its country, like `+4915112345678`";
            FieldError::new(pointer, rule)
        };
        if text.len() > 64 {
            return Err(wrong());
        }
        let plain: Zeroizing<String> = Zeroizing::new(
            text.nfkc()
                .filter(|letter| !letter.is_whitespace() && !matches!(letter, '-' | '(' | ')' | '.'))
                .collect(),
        );
        let digits = plain.strip_prefix('+').unwrap_or_default();
        let fits = (8..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if fits { Ok(Self(plain)) } else { Err(wrong()) }
    }

    /// For whoever sends to it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Enough for its holder to know it by.
    pub fn masked(&self) -> String {
        let (head, tail) = self.0.split_at(3.min(self.0.len()));
        let last = tail.get(tail.len().saturating_sub(2)..).unwrap_or_default();
        format!("{head}…{last}")
    }

    /// As it is kept.
    pub fn seal(&self, keys: &TenantKeys, tenant: TenantId, factor: FactorId) -> Result<Vec<u8>, KeyError> {
        keys.seal(
            Purpose::PersonalData,
            &kept(tenant, &factor.to_string()),
            self.0.as_bytes(),
        )
    }

    /// The one that was kept.
    pub fn open(keys: &TenantKeys, tenant: TenantId, factor: FactorId, sealed: &[u8]) -> Result<Self, KeyError> {
        let plain = keys.open(&kept(tenant, &factor.to_string()), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| KeyError::Unreadable)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl std::fmt::Debug for Phone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.masked())
    }
}

fn kept(tenant: TenantId, factor: &str) -> Place<'_> {
    Place {
        tenant,
        table: "identity.factors",
        column: "sealed",
        row: factor,
    }
}

/// An address, as far as its holder has to see it: `a…@example.com`.
pub fn masked_address(email: &str) -> String {
    let (name, domain) = email.split_once('@').unwrap_or_default();
    let first: String = name.chars().take(1).collect();
    format!("{first}…@{domain}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bound() -> Bound {
        Bound {
            tenant: TenantId::mint(),
            user: UserId::mint(),
            to: For::SignIn(ChallengeId::mint()),
            factor: FactorId::mint(),
        }
    }

    #[test]
    fn t13_a_code_is_eight_digits_in_every_spelling() {
        let code = Code::make();
        let text = code.expose().to_owned();
        assert_eq!(text.len(), 8);
        let wide: String = text
            .chars()
            .map(|digit| char::from_u32(u32::from(digit) - 48 + 0xff10).unwrap())
            .collect();
        for typed in [
            text.clone(),
            format!(" {} {}\n", &text[..4], &text[4..]),
            text.replacen("", "-", 1),
            wide,
        ] {
            assert_eq!(Code::typed(&typed).unwrap().expose(), text, "{typed:?}");
        }
        for bad in ["", "1234567", "123456789", "1234567a", "+2345678", &"1".repeat(65)] {
            assert!(Code::typed(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn t14_a_hash_is_of_one_code_for_one_thing_alone() {
        let (bound, code) = (bound(), Code::make());
        let keys = TenantKeys::passing(bound.tenant);
        let locked = bound.lock(&keys, &code).unwrap();
        assert_eq!(bound.hash(&keys, &locked.key, &code), Ok(locked.hash));
        // T20: the key opens only where it was kept, and the same key makes another hash for everything else.
        let elsewhere = Bound {
            to: For::SignIn(ChallengeId::mint()),
            ..bound
        };
        assert_eq!(elsewhere.hash(&keys, &locked.key, &code), Err(KeyError::Unreadable));
        let abroad = Bound {
            tenant: TenantId::mint(),
            ..bound
        };
        assert_eq!(abroad.hash(&keys, &locked.key, &code), Err(KeyError::Unreadable));
        let session = SessionId::from_uuid(bound.id());
        for other in [
            Bound {
                user: UserId::mint(),
                ..bound
            },
            Bound {
                factor: FactorId::mint(),
                ..bound
            },
            Bound {
                to: For::StepUp(session),
                ..bound
            },
        ] {
            assert_ne!(other.hash(&keys, &locked.key, &code), Ok(locked.hash), "{other:?}");
        }
        let again = bound.lock(&keys, &code).unwrap();
        assert_ne!(again.hash, locked.hash, "no two rows tell that they hold the same code");
    }

    #[test]
    fn a_number_has_a_country_and_no_more_than_fifteen_digits() {
        let phone = Phone::check("/phone", "+49 (151) 1234-5678").unwrap();
        assert_eq!(phone.expose(), "+4915112345678");
        assert_eq!(phone.masked(), "+49…78");
        assert_eq!(format!("{phone:?}"), "+49…78");
        assert_eq!(Phone::check("", "＋8613800138000").unwrap().expose(), "+8613800138000");
        for bad in [
            "",
            "015112345678",
            "+0151123456",
            "+1234567",
            "+1234567890123456",
            "+49151abc5678",
            "+٤٩١٥١١٢٣٤٥",
            "++4915112345678",
        ] {
            assert!(Phone::check("/phone", bad).is_err(), "{bad}");
        }
        assert_eq!(masked_address("ada@example.com"), "a…@example.com");
    }

    #[test]
    fn t20_a_number_opens_only_in_its_own_place() {
        let (tenant, factor) = (TenantId::mint(), FactorId::mint());
        let keys = TenantKeys::passing(tenant);
        let phone = Phone::check("", "+4915112345678").unwrap();
        let sealed = phone.seal(&keys, tenant, factor).unwrap();
        assert!(!String::from_utf8_lossy(&sealed).contains("151123"));
        assert_eq!(Phone::open(&keys, tenant, factor, &sealed).unwrap(), phone);
        assert!(Phone::open(&keys, tenant, FactorId::mint(), &sealed).is_err());
    }
}
