mod algorithms;
mod claims;
mod encodings;
mod headers;
mod shapes;
mod signatures;

use auth::token::{AUDIENCE, Claims, Jwks, LIFETIME_SECONDS, Signer, TYPE};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use ids::uuid::Uuid;
use ids::{SessionId, TenantId};

use crate::{Object, Piece, b64};

/// The issuer of [`Forge::fixed`].
pub const ISSUER: &str = "https://cloud.example";
/// When the good token of [`Forge::fixed`] was made, in seconds since 1970.
pub const HOUR: i64 = 1_800_000_000;

/// The private key of RFC 8037, A.1: published, so nobody takes it for a secret.
const SEED: [u8; 32] = [
    0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5,
    0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
];

/// Makes access tokens of every kind with a known key.
pub struct Forge {
    pair: Ed25519KeyPair,
    pkcs8: Vec<u8>,
    signer: Signer,
    /// A key that nobody trusts.
    stranger: Ed25519KeyPair,
    claims: Claims,
}

impl Forge {
    /// A forge with the published key whose good token has these claims.
    pub fn new(claims: Claims) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&SEED).expect("a seed");
        let pkcs8 = pair.to_pkcs8().expect("a document").as_ref().to_vec();
        Self {
            signer: Signer::open(&pkcs8).expect("a key"),
            pair,
            pkcs8,
            stranger: Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed"),
            claims,
        }
    }

    /// The forge whose tokens are committed: they are good, or would be, at [`HOUR`].
    pub fn fixed() -> Self {
        let id = |low: u128| Uuid::from_u128(0x0192_f0c1_2d3e_7a4c_8d32_0000_0000_0000 + low);
        Self::new(Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: id(1),
            tenant: TenantId::from_uuid(id(2)),
            sid: SessionId::from_uuid(id(3)),
            jti: id(4).to_string(),
            iat: HOUR,
            nbf: HOUR,
            exp: HOUR + LIFETIME_SECONDS,
            client_id: None,
        })
    }

    /// The private key, for a service that signs with it.
    pub fn signer(&self) -> Signer {
        Signer::open(&self.pkcs8).expect("a key")
    }

    /// What a verifier of its tokens knows.
    pub fn jwks(&self) -> Jwks {
        let keys = vec![self.signer.jwk().clone()];
        Jwks { keys }
    }

    /// The one good token.
    pub fn good(&self) -> String {
        self.signer.sign(&self.claims).expect("signs")
    }

    /// Everything that must be refused. The names are unique.
    pub fn hostile(&self) -> Vec<Piece> {
        [
            algorithms::all(self),
            headers::all(self),
            claims::all(self),
            encodings::all(self),
            signatures::all(self),
            shapes::all(self),
        ]
        .concat()
    }

    /// Any header and payload, encoded and signed as they should be.
    pub fn seal(&self, head: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> String {
        self.sign(&format!("{}.{}", b64(head), b64(body)))
    }

    /// The header of a good token.
    pub fn head(&self) -> Object {
        Object::default()
            .with_text("typ", TYPE)
            .with_text("alg", "EdDSA")
            .with_text("kid", &self.signer.jwk().kid)
    }

    /// The payload of the good token.
    pub fn body(&self) -> Object {
        let claims = &self.claims;
        Object::default()
            .with_text("iss", &claims.iss)
            .with_text("aud", &claims.aud)
            .with_text("sub", &claims.sub.to_string())
            .with_text("tenant", &claims.tenant.to_string())
            .with_text("sid", &claims.sid.to_string())
            .with_text("jti", &claims.jti)
            .with("iat", claims.iat.to_string())
            .with("nbf", claims.nbf.to_string())
            .with("exp", claims.exp.to_string())
    }

    fn sign(&self, message: &str) -> String {
        format!("{message}.{}", b64(self.signature(message)))
    }

    fn signature(&self, message: &str) -> Vec<u8> {
        self.pair.sign(message.as_bytes()).as_ref().to_vec()
    }

    fn foreign_signature(&self, message: &str) -> Vec<u8> {
        self.stranger.sign(message.as_bytes()).as_ref().to_vec()
    }

    fn public(&self) -> &[u8] {
        self.pair.public_key().as_ref()
    }

    /// Header and payload of the good token, encoded.
    fn message(&self) -> String {
        format!("{}.{}", b64(self.head().text()), b64(self.body().text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_written_by_hand_is_what_the_signer_writes() {
        auth::token::install_provider();
        let forge = Forge::fixed();
        assert_eq!(forge.seal(forge.head().text(), forge.body().text()), forge.good());
        assert_eq!(forge.good(), Forge::fixed().good(), "the same every time");
    }

    #[test]
    fn no_two_have_a_name_or_their_bytes_in_common_and_none_is_the_good_one() {
        auth::token::install_provider();
        let forge = Forge::fixed();
        let all = forge.hostile();
        let names: BTreeSet<_> = all.iter().map(|piece| piece.name.to_ascii_lowercase()).collect();
        assert_eq!(names.len(), all.len());
        let bytes: BTreeSet<_> = all.iter().map(|piece| &piece.bytes).collect();
        assert_eq!(bytes.len(), all.len());
        assert!(!bytes.contains(&forge.good().into_bytes()));
        let plain = |name: &String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        assert!(names.iter().all(plain), "{names:?}");
    }
}
