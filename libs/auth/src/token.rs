//! Access tokens: signed JWTs of five minutes in the profile of RFC 9068, `EdDSA` (RFC 8037) only.
//!
//! A token names the session; what the session may do is looked up, so that revocation and role changes need not wait
//! for tokens to die. Every claim is required and no other is taken; the algorithm comes from here, never from the
//! token; a header says `typ`, `alg` and `kid` and nothing else. Each token has one spelling: base64 without spare bits,
//! and no member twice.

use std::collections::HashMap;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ids::uuid::Uuid;
use ids::{SessionId, TenantId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

/// How long an access token lives, in seconds.
pub const LIFETIME_SECONDS: i64 = 300;
/// The audience of our own API.
pub const AUDIENCE: &str = "yunshu";
/// The header type of access tokens (RFC 9068, 2.1).
pub const TYPE: &str = "at+jwt";
/// How far two machines' clocks may be apart, in seconds.
const LEEWAY_SECONDS: i64 = 5;
/// Longer tokens are refused unread.
pub const MAX_LENGTH: usize = 4096;

/// The token is not good; why is for the log only.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Longer than [`MAX_LENGTH`], or not three parts.
    #[error("not a token")]
    Shape,
    /// Wrong `typ` or `alg`, no `kid`, or something that we never write.
    #[error("unexpected token header")]
    Header,
    /// No key of that id.
    #[error("unknown signing key")]
    UnknownKey,
    /// Signature or a claim is wrong.
    #[error("token refused: {0}")]
    Refused(#[from] jsonwebtoken::errors::Error),
    /// It is not good now, or says that it is good for longer than any of ours.
    #[error("not a token of this time")]
    Time,
    /// The key material is broken.
    #[error("unusable key")]
    Key,
}

/// The claims of an access token. All but `client_id` are required.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// Who made it: the platform's address.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// The person, or the service account.
    pub sub: Uuid,
    /// Their tenant.
    pub tenant: TenantId,
    /// Their session.
    pub sid: SessionId,
    /// This token.
    pub jti: String,
    /// Made at, seconds since 1970.
    pub iat: i64,
    /// Not good before.
    pub nbf: i64,
    /// Not good after.
    pub exp: i64,
    /// The OAuth 2.0 client it was given to, where it was given to one (RFC 9068, 2.2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
}

impl Claims {
    /// Made by now, begun, not over, and for no longer than we give them.
    fn hold_at(&self, now: i64) -> bool {
        let lifetime = self.exp.saturating_sub(self.iat);
        (1..=LIFETIME_SECONDS).contains(&lifetime)
            && (self.iat..self.exp).contains(&self.nbf)
            && self.nbf.saturating_sub(LEEWAY_SECONDS) <= now
            && now < self.exp.saturating_add(LEEWAY_SECONDS)
    }
}

/// All that a header may say (RFC 7515, 4.1). What points to a key elsewhere or must be understood is not understood.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    typ: String,
    alg: String,
    kid: String,
}

/// A public key as JWK (RFC 7517, RFC 8037).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Jwk {
    /// `OKP`.
    #[schema(example = "OKP")]
    pub kty: String,
    /// `Ed25519`.
    #[schema(example = "Ed25519")]
    pub crv: String,
    /// The public key, base64url.
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
    pub x: String,
    /// The key's id: its thumbprint's beginning.
    #[schema(example = "k9mB2yqkW0s")]
    pub kid: String,
    /// `EdDSA`.
    #[schema(example = "EdDSA")]
    pub alg: String,
    /// `sig`.
    #[serde(rename = "use")]
    #[schema(example = "sig")]
    pub purpose: String,
}

/// A set of public keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Jwks {
    /// The keys, newest first.
    pub keys: Vec<Jwk>,
}

/// Signs tokens.
pub struct Signer {
    key: EncodingKey,
    jwk: Jwk,
}

impl Signer {
    /// A fresh private key in PKCS#8 form (version 2), to be stored encrypted.
    pub fn generate() -> Result<Vec<u8>, Error> {
        let rng = aws_lc_rs::rand::SystemRandom::new();
        let document = Ed25519KeyPair::generate_pkcs8(&rng).map_err(|_| Error::Key)?;
        Ok(document.as_ref().to_vec())
    }

    /// The signer that holds this PKCS#8 key.
    pub fn open(pkcs8: &[u8]) -> Result<Self, Error> {
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| Error::Key)?;
        let public = pair.public_key().as_ref();
        let print = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, public);
        let kid = URL_SAFE_NO_PAD.encode(print.as_ref().get(..12).unwrap_or_default());
        let jwk = Jwk {
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            x: URL_SAFE_NO_PAD.encode(public),
            kid,
            alg: "EdDSA".to_owned(),
            purpose: "sig".to_owned(),
        };
        Ok(Self {
            key: EncodingKey::from_ed_der(pkcs8),
            jwk,
        })
    }

    /// The public half.
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// Signs these claims.
    pub fn sign(&self, claims: &Claims) -> Result<String, Error> {
        self.sign_as(TYPE, claims)
    }

    /// Signs claims of another kind under a type of their own, so that neither is taken for the other.
    pub fn sign_as<T: Serialize>(&self, kind: &str, claims: &T) -> Result<String, Error> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(kind.to_owned());
        header.kid = Some(self.jwk.kid.clone());
        Ok(jsonwebtoken::encode(&header, claims, &self.key)?)
    }
}

/// Checks tokens against a set of public keys.
pub struct Verifier {
    keys: HashMap<String, DecodingKey>,
    rules: Validation,
}

impl Verifier {
    /// A verifier for tokens of `issuer`. Keys that are not Ed25519 are passed over.
    pub fn new(issuer: &str, jwks: &Jwks) -> Self {
        let mut rules = Validation::new(Algorithm::EdDSA);
        rules.set_audience(&[AUDIENCE]);
        rules.set_issuer(&[issuer]);
        // `Claims` requires them all, and times are judged there: this library takes text and fractions for times too.
        rules.set_required_spec_claims(&["aud", "iss"]);
        rules.validate_exp = false;
        rules.validate_nbf = false;
        let keys = jwks
            .keys
            .iter()
            .filter(|jwk| jwk.kty == "OKP" && jwk.crv == "Ed25519")
            .filter_map(|jwk| Some((jwk.kid.clone(), DecodingKey::from_ed_components(&jwk.x).ok()?)))
            .collect();
        Self { keys, rules }
    }

    /// Has it a key of that id?
    pub fn knows(&self, kid: &str) -> bool {
        self.keys.contains_key(kid)
    }

    /// The claims of a token that is good now, by the clock of the machine.
    pub fn check(&self, token: &str) -> Result<Claims, Error> {
        let now = jsonwebtoken::get_current_timestamp();
        self.check_at(token, i64::try_from(now).map_err(|_| Error::Time)?)
    }

    /// The claims of a token that is good at `now`, in seconds since 1970.
    pub fn check_at(&self, token: &str, now: i64) -> Result<Claims, Error> {
        if token.len() > MAX_LENGTH {
            return Err(Error::Shape);
        }
        let mut parts = token.split('.');
        let (Some(head), Some(body), Some(_), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return Err(Error::Shape);
        };
        let head = object(head).ok_or(Error::Header)?;
        let head: Head = serde_json::from_slice(&head).map_err(|_| Error::Header)?;
        if head.typ != TYPE || head.alg != "EdDSA" {
            return Err(Error::Header);
        }
        let key = self.keys.get(&head.kid).ok_or(Error::UnknownKey)?;
        object(body).ok_or(Error::Shape)?;
        let claims = jsonwebtoken::decode::<Claims>(token, key, &self.rules)?.claims;
        if claims.hold_at(now) {
            Ok(claims)
        } else {
            Err(Error::Time)
        }
    }
}

/// The JSON object that a part holds. A list would be read as one too: its values as members, in order.
fn object(part: &str) -> Option<Vec<u8>> {
    let text = URL_SAFE_NO_PAD.decode(part).ok()?;
    (text.first() == Some(&b'{')).then_some(text)
}

/// Must be called once at the start of every binary and test: the first signature panics without it.
pub fn install_provider() {
    // A second call finds the same provider installed, which is what was wanted.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "https://cloud.example";

    fn claims(now: i64) -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: ids::UserId::mint().as_uuid(),
            tenant: TenantId::mint(),
            sid: SessionId::mint(),
            jti: "1".to_owned(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
            client_id: None,
        }
    }

    fn pair() -> (Signer, Verifier) {
        install_provider();
        let signer = Signer::open(&Signer::generate().unwrap()).unwrap();
        let verifier = Verifier::new(
            ISSUER,
            &Jwks {
                keys: vec![signer.jwk().clone()],
            },
        );
        (signer, verifier)
    }

    fn now() -> i64 {
        i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap()
    }

    #[test]
    fn a_signed_token_is_read_back() {
        let (signer, verifier) = pair();
        let claims = claims(now());
        assert_eq!(verifier.check(&signer.sign(&claims).unwrap()).unwrap(), claims);
    }

    #[test]
    fn t16_hostile_tokens_are_refused() {
        let (signer, verifier) = pair();
        let (stranger, _) = pair();
        let good = claims(now());
        let mut expired = good.clone();
        expired.exp = now() - 60;
        let mut early = good.clone();
        early.nbf = now() + 60;
        let mut other_audience = good.clone();
        other_audience.aud = "elsewhere".to_owned();
        let mut other_issuer = good.clone();
        other_issuer.iss = "https://evil.example".to_owned();
        for bad in [expired, early, other_audience, other_issuer] {
            assert!(verifier.check(&signer.sign(&bad).unwrap()).is_err(), "{bad:?}");
        }
        assert!(matches!(
            verifier.check(&stranger.sign(&good).unwrap()),
            Err(Error::UnknownKey)
        ));

        let sign = |header: Header, key: &EncodingKey, claims: &serde_json::Value| {
            jsonwebtoken::encode(&header, claims, key).unwrap()
        };
        let value = serde_json::to_value(&good).unwrap();
        let mut hs = Header::new(Algorithm::HS256);
        hs.typ = Some(TYPE.to_owned());
        hs.kid = Some(signer.jwk().kid.clone());
        let with_public_key = EncodingKey::from_secret(signer.jwk().x.as_bytes());
        assert!(
            verifier.check(&sign(hs, &with_public_key, &value)).is_err(),
            "HS256 keyed with the public key"
        );

        let mut untyped = Header::new(Algorithm::EdDSA);
        untyped.kid = Some(signer.jwk().kid.clone());
        assert!(
            verifier.check(&sign(untyped.clone(), &signer.key, &value)).is_err(),
            "typ is required"
        );

        untyped.typ = Some(TYPE.to_owned());
        let mut text_exp = value.clone();
        text_exp["exp"] = serde_json::json!("9999999999");
        assert!(
            verifier.check(&sign(untyped.clone(), &signer.key, &text_exp)).is_err(),
            "exp as text"
        );
        let mut no_exp = value.clone();
        no_exp.as_object_mut().unwrap().remove("exp");
        assert!(
            verifier.check(&sign(untyped.clone(), &signer.key, &no_exp)).is_err(),
            "exp is required"
        );
        untyped.kid = Some("../../etc/passwd' or 1=1".to_owned());
        assert!(
            verifier.check(&sign(untyped, &signer.key, &value)).is_err(),
            "kid is a name, not a path"
        );

        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let none = format!(
            "{}.{}.",
            part(r#"{"alg":"none","typ":"at+jwt"}"#),
            part(&value.to_string())
        );
        for junk in [none.as_str(), "", "..", "a.b.c", "a.b", &"a".repeat(MAX_LENGTH + 1)] {
            assert!(verifier.check(junk).is_err(), "{junk:.40}");
        }
    }

    proptest::proptest! {
        #[test]
        fn t16_no_text_makes_the_verifier_panic(text in "\\PC{0,400}") {
            let (_, verifier) = pair();
            proptest::prop_assert!(verifier.check(&text).is_err());
        }
    }
}
