//! Refresh tokens: opaque to whoever holds them, one good at a time, recognised for ever.
//!
//! # What it guarantees
//! A token is `tenant | session | secret (32) | tag (16)`, base64url. The server keeps the SHA-256 of the one secret that
//! is good, so a copy of the database signs nobody in. Each session has a family key of its own, kept encrypted:
//!
//! - the **successor** of a secret is `HMAC-SHA-256(family key, "next" | secret)`. Turning a token in twice gives the
//!   same successor, so a client whose answer was lost asks again, and fifty requests at once get one successor. It need
//!   not be stored for that, and a stolen token does not yield it;
//! - the **tag** is `HMAC-SHA-256(family key, "tag" | secret)`. It tells a token that we once made, however old (reuse: the
//!   family dies), from one that somebody made up around a session's id (nothing happens). Without it, anybody who knows a
//!   session's id could end the session.
//!
//! # What it was born from
//! Rotation without a memory for retries signs people out whenever a network eats an answer; rotation that remembers by
//! storing the successor in clear puts live credentials into backups.

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use crypto::{KeyError, Place, Purpose, TenantKeys};
use ids::uuid::Uuid;
use ids::{SessionId, TenantId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::session::Session;

/// Found by secret scanners, and tells a person what it is.
const PREFIX: &str = "yrt_";
const IDS: usize = 16 + 16;
const SECRET: usize = 32;
const TAG: usize = 16;

/// The text is no refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a refresh token")]
pub struct NotAToken;

/// The key from which a session's tokens descend.
pub struct Family {
    tenant: TenantId,
    session: SessionId,
    key: hmac::Key,
}

/// A token as it is handed out or comes back.
#[derive(Clone)]
pub struct RefreshToken {
    /// Whose session.
    pub tenant: TenantId,
    /// Which session.
    pub session: SessionId,
    secret: Zeroizing<[u8; SECRET]>,
    tag: [u8; TAG],
}

impl Family {
    /// A new family, and its key as it is kept.
    pub fn begin(keys: &TenantKeys, tenant: TenantId, session: SessionId) -> Result<(Self, Vec<u8>), KeyError> {
        let key = Zeroizing::new(crypto::random::<32>());
        let sealed = keys.seal(
            Purpose::Credentials,
            &place(tenant, &session.to_string()),
            key.as_slice(),
        )?;
        Ok((Self::new(tenant, session, &key), sealed))
    }

    /// The family of this session.
    pub fn open(keys: &TenantKeys, session: &Session) -> Result<Self, KeyError> {
        let plain = keys.open(&place(session.tenant, &session.id.to_string()), &session.family_key)?;
        let key = plain.as_slice().try_into().map_err(|_| KeyError::Unreadable)?;
        Ok(Self::new(session.tenant, session.id, key))
    }

    fn new(tenant: TenantId, session: SessionId, key: &[u8; 32]) -> Self {
        Self {
            tenant,
            session,
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The first token.
    pub fn first(&self) -> RefreshToken {
        self.token(Zeroizing::new(crypto::random()))
    }

    /// The token that follows.
    pub fn next(&self, token: &RefreshToken) -> RefreshToken {
        self.token(Zeroizing::new(self.mac(b"next", &token.secret)))
    }

    /// Did we make it?
    pub fn made(&self, token: &RefreshToken) -> bool {
        let ours = (self.tenant, self.session) == (token.tenant, token.session);
        ours && bool::from(self.tag(&token.secret).ct_eq(&token.tag))
    }

    fn token(&self, secret: Zeroizing<[u8; SECRET]>) -> RefreshToken {
        let tag = self.tag(&secret);
        RefreshToken {
            tenant: self.tenant,
            session: self.session,
            secret,
            tag,
        }
    }

    fn tag(&self, secret: &[u8; SECRET]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        tag.iter_mut()
            .zip(self.mac(b"tag", secret))
            .for_each(|(to, from)| *to = from);
        tag
    }

    fn mac(&self, purpose: &[u8], secret: &[u8; SECRET]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(purpose);
        context.update(secret);
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        out
    }
}

fn place(tenant: TenantId, session: &str) -> Place<'_> {
    Place {
        tenant,
        table: "identity.sessions",
        column: "family_key",
        row: session,
    }
}

impl RefreshToken {
    /// The token, if the text has the form of one.
    pub fn parse(text: &str) -> Result<Self, NotAToken> {
        let body = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(body).map_err(|_| NotAToken)?);
        let (tenant, rest) = bytes.split_first_chunk::<16>().ok_or(NotAToken)?;
        let (session, rest) = rest.split_first_chunk::<16>().ok_or(NotAToken)?;
        let (secret, rest) = rest.split_first_chunk::<SECRET>().ok_or(NotAToken)?;
        let tag = <[u8; TAG]>::try_from(rest).map_err(|_| NotAToken)?;
        Ok(Self {
            tenant: TenantId::from_uuid(Uuid::from_bytes(*tenant)),
            session: SessionId::from_uuid(Uuid::from_bytes(*session)),
            secret: Zeroizing::new(*secret),
            tag,
        })
    }

    /// What is handed out, and nowhere kept.
    pub fn expose(&self) -> String {
        let mut bytes = Zeroizing::new(Vec::with_capacity(IDS + SECRET + TAG));
        bytes.extend(self.tenant.as_uuid().as_bytes());
        bytes.extend(self.session.as_uuid().as_bytes());
        bytes.extend(self.secret.as_slice());
        bytes.extend(self.tag);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&*bytes))
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret.as_slice()).into()
    }
}

impl std::fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RefreshToken(session {})", self.session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family() -> Family {
        Family::new(TenantId::mint(), SessionId::mint(), &crypto::random())
    }

    #[test]
    fn a_token_is_read_back_and_known() {
        let family = family();
        let token = family.first();
        let read = RefreshToken::parse(&token.expose()).unwrap();
        assert!(family.made(&read));
        assert_eq!(read.hash(), token.hash());
        assert_eq!((read.tenant, read.session), (family.tenant, family.session));
    }

    #[test]
    fn t15_a_token_has_one_successor_and_stays_known_for_ever() {
        let family = family();
        let first = family.first();
        let second = family.next(&first);
        assert_eq!(second.hash(), family.next(&first).hash());
        assert_ne!(second.hash(), first.hash());
        let third = family.next(&second);
        assert!(family.made(&first) && family.made(&third));
    }

    #[test]
    fn t15_nobody_else_makes_tokens_of_a_family() {
        let family = family();
        let stranger = Family::new(family.tenant, family.session, &crypto::random());
        assert!(!family.made(&stranger.first()));
        let elsewhere = RefreshToken {
            session: SessionId::mint(),
            ..family.first()
        };
        assert!(!family.made(&elsewhere));
        let mut bytes = URL_SAFE_NO_PAD
            .decode(family.first().expose().strip_prefix(PREFIX).unwrap())
            .unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            let forged = RefreshToken::parse(&format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(&bytes))).unwrap();
            assert!(!family.made(&forged), "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn what_has_not_the_form_is_refused() {
        let token = family().first().expose();
        for junk in [
            "",
            "yrt_",
            "yrt_AAAA",
            &token[..token.len() - 2],
            &format!("{token}AAAA"),
            &token[4..],
        ] {
            assert!(RefreshToken::parse(junk).is_err(), "{junk}");
        }
    }

    #[test]
    fn t24_a_token_is_never_printed() {
        let token = family().first();
        let secret = token.expose();
        assert!(!format!("{token:?}").contains(&secret[50..]));
    }
}
