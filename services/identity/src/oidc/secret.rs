//! What a browser keeps while its person is at a provider: opaque, good once, for ten minutes.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use ids::uuid::Uuid;
use ids::{ExternalSignInId, IdentityProviderId, TenantId, UserId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// How long somebody may be at the provider.
pub const LIVES: TimeDelta = TimeDelta::minutes(10);

/// Tells a person, and a secret scanner, what it is.
const PREFIX: &str = "yxs_";

/// The text is no such secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the secret of a sign-in at a provider")]
pub struct NotASecret;

/// The secret as its holder sends it. All that binds the sign-in together is made of it, so nothing of that is kept.
#[derive(Clone)]
pub struct Secret {
    /// Whose tenant.
    pub tenant: TenantId,
    /// Which sign-in.
    pub id: ExternalSignInId,
    bytes: Zeroizing<[u8; 32]>,
}

impl Secret {
    /// A new one.
    pub fn make(tenant: TenantId) -> Self {
        Self {
            tenant,
            id: ExternalSignInId::mint(),
            bytes: Zeroizing::new(crypto::random()),
        }
    }

    /// The secret, if the text has the form of one.
    pub fn parse(text: &str) -> Result<Self, NotASecret> {
        let body = text.strip_prefix(PREFIX).ok_or(NotASecret)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| NotASecret)?);
        let (tenant, rest) = bytes.split_first_chunk::<16>().ok_or(NotASecret)?;
        let (id, rest) = rest.split_first_chunk::<16>().ok_or(NotASecret)?;
        let secret = <[u8; 32]>::try_from(rest).map_err(|_| NotASecret)?;
        Ok(Self {
            tenant: TenantId::from_uuid(Uuid::from_bytes(*tenant)),
            id: ExternalSignInId::from_uuid(Uuid::from_bytes(*id)),
            bytes: Zeroizing::new(secret),
        })
    }

    /// What is handed out, and nowhere kept.
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + 16 + 32));
        bytes.extend(self.tenant.as_uuid().as_bytes());
        bytes.extend(self.id.as_uuid().as_bytes());
        bytes.extend(self.bytes.as_slice());
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        self.derive("hash")
    }

    /// What comes back with the answer.
    pub fn state(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("state"))
    }

    /// Is this what was sent along?
    pub fn is_state(&self, text: &str) -> bool {
        bool::from(self.state().as_bytes().ct_eq(text.as_bytes()))
    }

    /// What the ID token must carry.
    pub fn nonce(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("nonce"))
    }

    /// What the token endpoint is shown (RFC 7636).
    pub fn verifier(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.derive("verifier"))
    }

    fn derive(&self, what: &str) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update("yunshu external sign-in ");
        hash.update(what);
        hash.update([0]);
        hash.update(self.bytes.as_slice());
        hash.finalize().into()
    }
}

/// Somebody who is at a provider, as it is kept.
#[derive(Debug, Clone)]
pub struct Away {
    /// At which.
    pub provider: IdentityProviderId,
    /// Who links it to themself; none: a sign-in.
    pub user: Option<UserId>,
    /// Was it asked to have them prove anew who they are?
    pub anew: bool,
    /// When they left.
    pub since: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_of_a_secret_is_told_apart_and_tells_nothing_of_another() {
        let secret = Secret::make(TenantId::mint());
        let read = Secret::parse(&secret.expose()).unwrap();
        assert_eq!(
            (read.tenant, read.id, read.hash()),
            (secret.tenant, secret.id, secret.hash())
        );
        let kept = URL_SAFE_NO_PAD.encode(secret.hash());
        let all = [kept, secret.state(), secret.nonce(), secret.verifier()];
        for (at, one) in all.iter().enumerate() {
            assert_eq!(all.iter().position(|other| other == one), Some(at));
            assert_eq!(one.len(), 43, "RFC 7636: 43 characters at least");
        }
        assert!(secret.is_state(&read.state()) && !secret.is_state(&Secret::make(secret.tenant).state()));
        let text = secret.expose();
        for bad in ["", "yxs_", &text[4..], &text[..text.len() - 4]] {
            assert!(Secret::parse(bad).is_err(), "{bad}");
        }
    }
}
