//! Time-based one-time passwords, RFC 6238: SHA-1, six digits, thirty seconds, which every authenticator knows.
//!
//! A code counts in its own step and in the one before and after, so that clocks may differ by half a minute: a recorded
//! deviation from OWASP ASVS 6.5.5, which wants thirty seconds in all. Each step is taken once, in order, so the wider window
//! gives a thief nothing that was used.

use chrono::{DateTime, Utc};
use crypto::{KeyError, Place, Purpose, TenantKeys, Unreadable};
use ids::{FactorId, TenantId};
use totp_rs::{Algorithm, Builder, Secret, Totp};
use unicode_normalization::UnicodeNormalization;

/// RFC 4226 recommends 160 bits.
const BYTES: usize = 20;
const ISSUER: &str = "Yunshu";

/// The secret that a server and an authenticator share.
pub struct Shared(Totp);

impl Shared {
    /// A new one. `account` is what the authenticator shows beside its codes.
    pub fn make(account: &str) -> Result<Self, Unreadable> {
        Self::of(&crypto::random::<BYTES>(), account)
    }

    fn of(bytes: &[u8], account: &str) -> Result<Self, Unreadable> {
        // A colon ends the issuer in the authenticator's URI.
        let account = account.replace(':', " ");
        Builder::new()
            .with_algorithm(Algorithm::SHA1)
            .with_digits(6)
            .with_step_duration(30)
            .with_skew(1)
            .with_secret(Secret::new(bytes.into()))
            .with_issuer(Some(ISSUER))
            .with_account_name(account)
            .build()
            .map(Self)
            .map_err(|_| Unreadable)
    }

    /// As it is kept.
    pub fn seal(&self, keys: &TenantKeys, tenant: TenantId, factor: FactorId) -> Result<Vec<u8>, KeyError> {
        keys.seal(
            Purpose::Credentials,
            &place(tenant, &factor.to_string()),
            self.0.secret().as_bytes(),
        )
    }

    /// The one that was kept.
    pub fn open(keys: &TenantKeys, tenant: TenantId, factor: FactorId, sealed: &[u8]) -> Result<Self, KeyError> {
        let plain = keys.open(&place(tenant, &factor.to_string()), sealed)?;
        Self::of(&plain, "").map_err(|_| KeyError::Unreadable)
    }

    /// For typing into an authenticator, in base 32.
    pub fn typed(&self) -> String {
        self.0.secret().to_base32()
    }

    /// For handing to an authenticator: an `otpauth` URI.
    pub fn uri(&self) -> Result<String, Unreadable> {
        self.0.to_url().map_err(|_| Unreadable)
    }

    /// The step whose code this is, if it is one of now, a step ago or a step ahead.
    pub fn step_of(&self, code: &Code, now: DateTime<Utc>) -> Option<i64> {
        let seconds = u64::try_from(now.timestamp()).ok()?;
        let step = self.0.check(&code.0, seconds)?;
        i64::try_from(step).ok()
    }
}

fn place(tenant: TenantId, factor: &str) -> Place<'_> {
    Place {
        tenant,
        table: "identity.factors",
        column: "sealed",
        row: factor,
    }
}

/// Six digits, as an authenticator shows them.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// The code, however it was typed: with spaces, or in the wide digits of East Asian keyboards.
    pub fn typed(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let plain: String = text
            .nfkc()
            .filter(|letter| !letter.is_whitespace() && *letter != '-')
            .collect();
        let fits = plain.len() == 6 && plain.bytes().all(|byte| byte.is_ascii_digit());
        fits.then_some(Self(plain))
    }
}

#[cfg(test)]
impl Shared {
    /// As an authenticator would have it.
    pub(crate) fn scanned(base32: &str) -> Self {
        let secret = Secret::try_from_base32(base32).unwrap();
        Self::of(secret.as_bytes(), "test").unwrap()
    }

    /// What the authenticator shows.
    pub(crate) fn code(&self, at: DateTime<Utc>) -> String {
        self.0.generate(at.timestamp().unsigned_abs()).to_string()
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_test_vectors_of_rfc_6238_hold() {
        // Appendix B, SHA-1; of its eight digits the last six are ours.
        let shared = Shared::of(b"12345678901234567890", "test").unwrap();
        for (time, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(shared.code(at(time)), code, "{time}");
            let typed = Code::typed(code).unwrap();
            assert_eq!(shared.step_of(&typed, at(time)), Some(time / 30));
        }
    }

    #[test]
    fn a_code_counts_one_step_early_and_late_and_no_more() {
        let shared = Shared::of(b"12345678901234567890", "test").unwrap();
        let code = Code::typed(&shared.code(at(3000))).unwrap();
        for (time, step) in [
            (2969, None),
            (2970, Some(100)),
            (3000, Some(100)),
            (3059, Some(100)),
            (3060, None),
        ] {
            assert_eq!(shared.step_of(&code, at(time)), step, "{time}");
        }
    }

    #[test]
    fn t13_spaces_and_wide_digits_are_the_same_code() {
        for text in ["287082", "287 082", " 287-082\n", "２８７０８２", "2 8 7 0 8 2"] {
            assert_eq!(Code::typed(text).unwrap().0, "287082", "{text:?}");
        }
        for text in ["", "28708", "2870820", "28708a", "٢٨٧٠٨٢", "+87082", &"2".repeat(65)] {
            assert!(Code::typed(text).is_none(), "{text:?}");
        }
    }

    #[test]
    fn t20_a_secret_opens_only_in_its_own_place() {
        let (tenant, factor) = (TenantId::mint(), FactorId::mint());
        let keys = TenantKeys::passing(tenant);
        let shared = Shared::make("ada@example.com").unwrap();
        let sealed = shared.seal(&keys, tenant, factor).unwrap();
        assert_eq!(
            Shared::open(&keys, tenant, factor, &sealed).unwrap().typed(),
            shared.typed()
        );
        assert!(Shared::open(&keys, tenant, FactorId::mint(), &sealed).is_err());
        assert!(Shared::open(&keys, TenantId::mint(), factor, &sealed).is_err());
    }

    #[test]
    fn the_uri_names_issuer_and_account() {
        let shared = Shared::make("a:da@example.com").unwrap();
        let uri = shared.uri().unwrap();
        assert!(
            uri.starts_with("otpauth://totp/Yunshu:a%20da%40example.com?secret="),
            "{uri}"
        );
        assert!(uri.contains(&shared.typed()) && uri.contains("issuer=Yunshu"), "{uri}");
    }
}
