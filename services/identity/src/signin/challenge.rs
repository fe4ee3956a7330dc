//! What a client holds between password and second factor: opaque, good for one sign-in, from one place, for minutes.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ids::uuid::Uuid;
use ids::{ChallengeId, TenantId, UserId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{Due, Method, State, WRONG_CODES};
use crate::factor::Kind;

/// Tells a person, and a secret scanner, what it is.
const PREFIX: &str = "ysc_";

/// The text is no challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a challenge")]
pub struct NotAChallenge;

/// A challenge as its holder sends it.
#[derive(Clone)]
pub struct Challenge {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Which sign-in.
    pub id: ChallengeId,
    secret: Zeroizing<[u8; 32]>,
}

impl Challenge {
    /// A new one.
    pub fn make(tenant: TenantId) -> Self {
        Self {
            tenant,
            id: ChallengeId::mint(),
            secret: Zeroizing::new(crypto::random()),
        }
    }

    /// The challenge, if the text has the form of one.
    pub fn parse(text: &str) -> Result<Self, NotAChallenge> {
        let body = text.strip_prefix(PREFIX).ok_or(NotAChallenge)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| NotAChallenge)?);
        let (tenant, rest) = bytes.split_first_chunk::<16>().ok_or(NotAChallenge)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or(NotAChallenge)?;
        let secret = <[u8; 32]>::try_from(rest).map_err(|_| NotAChallenge)?;
        Ok(Self {
            tenant: TenantId::from_uuid(Uuid::from_bytes(*tenant)),
            id: ChallengeId::from_uuid(Uuid::from_bytes(*id)),
            secret: Zeroizing::new(secret),
        })
    }

    /// What is handed out, and nowhere kept.
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + 16 + 32));
        bytes.extend(self.tenant.as_uuid().as_bytes());
        bytes.extend(self.id.as_uuid().as_bytes());
        bytes.extend(self.secret.as_slice());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_slice()).into()
    }

    /// What is kept of the place that it was given to. Its holder's secret is the key, so nobody else can try places.
    pub fn place(&self, network: &str) -> [u8; 32] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.secret.as_slice());
        let mut context = hmac::Context::with_key(&key);
        context.update(b"place");
        context.update(network.as_bytes());
        let mut place = [0; 32];
        place.copy_from_slice(context.sign().as_ref());
        place
    }
}

/// A sign-in that waits, as it is kept.
#[derive(Debug, Clone)]
pub struct Pending {
    /// Whose.
    pub user: UserId,
    /// What was shown first.
    pub first: Method,
    /// SHA-256 of the challenge's secret.
    pub secret_hash: Vec<u8>,
    /// What [`Challenge::place`] gave where the password was shown.
    pub place: Vec<u8>,
    /// Wrong codes so far.
    pub wrong: u8,
    /// It came to its end, or its password, provider or person is no longer good.
    pub over: bool,
    /// How long it waits.
    pub expires_at: DateTime<Utc>,
}

impl Pending {
    /// Is this its challenge, sent from where the password was?
    pub fn is_of(&self, challenge: &Challenge, network: &str) -> bool {
        let same = self.secret_hash.ct_eq(&challenge.hash()) & self.place.ct_eq(&challenge.place(network));
        bool::from(same)
    }

    /// Where the sign-in of somebody who has factors of these kinds stands.
    pub fn state(&self, kinds: Vec<Kind>) -> State {
        if self.over || self.wrong >= WRONG_CODES {
            return State::Over;
        }
        State::Due(Due {
            first: self.first,
            kinds,
            wrong: self.wrong,
            until: self.expires_at,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t20_a_place_is_the_same_to_one_challenge_and_tells_another_nothing() {
        let (challenge, other) = (Challenge::make(TenantId::mint()), Challenge::make(TenantId::mint()));
        let place = challenge.place("192.0.2.7");
        assert_eq!(place, Challenge::parse(&challenge.expose()).unwrap().place("192.0.2.7"));
        assert_ne!(place, challenge.place("192.0.2.8"));
        assert_ne!(place, other.place("192.0.2.7"));
        assert_ne!(place, challenge.hash());
    }

    #[test]
    fn a_challenge_is_read_back_and_nothing_else_is_one() {
        let challenge = Challenge::make(TenantId::mint());
        let text = challenge.expose();
        let read = Challenge::parse(&text).unwrap();
        assert_eq!(
            (read.tenant, read.id, read.hash()),
            (challenge.tenant, challenge.id, challenge.hash())
        );
        for bad in ["", "ysc_", &text[4..], &text[..text.len() - 4], &format!("{text}AAAA")] {
            assert!(Challenge::parse(bad).is_err(), "{bad}");
        }
    }
}
