//! One-use permissions to enrol a host.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use host_api::{DomainType, Enrol};
use ids::{EnrolmentId, HostId, PoolId, TenantId};

use crate::check::Check;
use crate::pool::Room;

/// The longest a permission may live, in seconds.
pub const LONGEST_S: u16 = 900;

/// What a token begins with, so that scanners for leaked secrets find it.
const PREFIX: &str = "yhe_";

/// SHA-256 of a token. Tokens are 256 random bits, so nothing slower is needed.
pub type TokenDigest = [u8; 32];

/// A token, shown once.
pub struct Token(String);

impl Token {
    /// A new one.
    pub fn make() -> Self {
        Self(format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(crypto::random::<32>())))
    }

    /// What is kept of it.
    pub fn digest(&self) -> TokenDigest {
        digest(&self.0)
    }

    /// The text, for the one answer that shows it.
    pub fn reveal(self) -> String {
        self.0
    }
}

/// What is kept of a token that was sent.
pub fn digest(token: &str) -> TokenDigest {
    super::digest(token.as_bytes())
}

/// A permission, without its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// Its id.
    pub id: EnrolmentId,
    /// The pool the host will be in: id and name.
    pub pool: (PoolId, String),
    /// The host that came of it.
    pub host: Option<HostId>,
    /// When it was used up.
    pub used_at: Option<DateTime<Utc>>,
    /// It is over, by the database's clock.
    pub expired: bool,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// When it was given.
    pub created_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A permission that was just used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimed {
    /// Which one.
    pub id: EnrolmentId,
    /// The pool the host will be in.
    pub pool: PoolId,
    /// In whose audit log the enrolment is written.
    pub tenant: TenantId,
    /// Who gave it.
    pub issuer: String,
}

/// A host to be.
#[derive(Debug, Clone, Copy)]
pub struct NewHost<'a> {
    /// Its pool.
    pub pool: PoolId,
    /// Its name.
    pub name: &'a str,
    /// SHA-256 of its certificate.
    pub fingerprint: &'a str,
    /// It only pretends.
    pub simulated: bool,
    /// How it runs guests.
    pub domain_type: DomainType,
    /// The version of its libvirt.
    pub libvirt_version: &'a str,
    /// What it has.
    pub physical: Room,
}

/// Checks every field of what a host says of itself and names all that are wrong.
pub fn check(ask: &Enrol) -> Result<(), fault::Error> {
    let mut check = Check::default();
    check.title("/name", &ask.name);
    // A dot would be taken for a domain name somewhere.
    check.that(!ask.name.contains('.'), "/name", "must not contain a dot");
    check.that(ask.token.len() <= 256, "/token", "must be at most 256 bytes long");
    check_version(&mut check, "/libvirt_version", &ask.libvirt_version);
    check.done()
}

/// Notes what is wrong with a version.
pub fn check_version(check: &mut Check, pointer: &str, version: &str) {
    let good = version.len() <= 64 && version.bytes().all(|byte| byte.is_ascii_graphic());
    check.that(good, pointer, "must be at most 64 visible ASCII characters");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_found_by_their_digest() {
        let (one, other) = (Token::make(), Token::make());
        assert_ne!(one.digest(), other.digest());
        let kept = one.digest();
        let shown = one.reveal();
        assert_eq!(digest(&shown), kept);
        assert!(shown.starts_with(PREFIX) && shown.len() == PREFIX.len() + 43, "{shown}");
    }
}
