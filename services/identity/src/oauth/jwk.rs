//! The public keys that clients prove themselves with (RFC 7517): Ed25519, P-256 or RSA.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fault::FieldError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// As many as one client may have: one in use and its successors.
const MOST: usize = 5;
/// 2,048 bits are the least that anybody should use (NIST SP 800-131A), 4,096 the most that we compute with.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;

/// A public key. Whoever sends the private half as well is told by 400: its fields are unknown here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicJwk {
    /// `OKP`, `EC` or `RSA`.
    #[schema(example = "OKP", max_length = 10)]
    pub kty: String,
    /// `Ed25519` or `P-256`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ed25519", max_length = 20)]
    pub crv: Option<String>,
    /// The first coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", max_length = 100)]
    pub x: Option<String>,
    /// The second coordinate, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 100)]
    pub y: Option<String>,
    /// The modulus, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 1000)]
    pub n: Option<String>,
    /// The exponent, base64url.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 20)]
    pub e: Option<String>,
    /// Which one it is, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "2026", max_length = 100)]
    pub kid: Option<String>,
    /// `EdDSA`, `ES256` or `PS256`; the key's kind says as much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "EdDSA", max_length = 10)]
    pub alg: Option<String>,
    /// `sig`.
    #[serde(rename = "use", default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sig", max_length = 10)]
    pub purpose: Option<String>,
}

/// Public keys of one client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PublicJwks {
    /// One to five keys.
    #[schema(min_items = 1, max_items = 5)]
    pub keys: Vec<PublicJwk>,
}

impl PublicJwk {
    /// The one algorithm that it is good for; none if it is no key that we take.
    pub fn algorithm(&self) -> Option<&'static str> {
        let bytes = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok().map(|bytes| bytes.len());
        let is = |curve: &str| self.crv.as_deref() == Some(curve);
        let algorithm = match self.kty.as_str() {
            "OKP" if is("Ed25519") && bytes(&self.x) == Some(32) && self.y.is_none() => "EdDSA",
            "EC" if is("P-256") && bytes(&self.x) == Some(32) && bytes(&self.y) == Some(32) => "ES256",
            "RSA" if bytes(&self.n).is_some_and(|n| RSA_BYTES.contains(&n)) && self.e.as_deref() == Some("AQAB") => {
                "PS256"
            }
            _ => return None,
        };
        let said = self.alg.as_deref().is_none_or(|alg| alg == algorithm);
        let signs = self.purpose.as_deref().is_none_or(|purpose| purpose == "sig");
        let named = self.kid.as_deref().is_none_or(|kid| (1..=100).contains(&kid.len()));
        (said && signs && named).then_some(algorithm)
    }

    /// The key, if it is one that we take.
    pub fn check(&self, pointer: &str) -> Result<(), FieldError> {
        let rule = "must be the public half of an Ed25519, P-256 or RSA key (2,048 to 4,096 bits, exponent 65537) for EdDSA, \
                    ES256 or PS256";
        match self.algorithm() {
            Some(_) => Ok(()),
            None => Err(FieldError::new(pointer, rule)),
        }
    }
}

impl PublicJwks {
    /// The keys, if each is one that we take.
    pub fn check(&self) -> Result<(), FieldError> {
        if !(1..=MOST).contains(&self.keys.len()) {
            return Err(FieldError::new("/jwks/keys", "must have 1 to 5 entries"));
        }
        let each = self.keys.iter().enumerate();
        each.into_iter()
            .try_for_each(|(at, key)| key.check(&format!("/jwks/keys/{at}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_public_keys_of_three_kinds_are_taken() {
        let x = URL_SAFE_NO_PAD.encode([7; 32]);
        let n = |bytes: usize| URL_SAFE_NO_PAD.encode(vec![0xff; bytes]);
        let algorithm = |value: serde_json::Value| {
            let key: PublicJwk = serde_json::from_value(value).ok()?;
            key.algorithm()
        };
        assert_eq!(
            algorithm(json!({"kty": "OKP", "crv": "Ed25519", "x": x})),
            Some("EdDSA")
        );
        assert_eq!(
            algorithm(json!({"kty": "EC", "crv": "P-256", "x": x, "y": x})),
            Some("ES256")
        );
        assert_eq!(
            algorithm(json!({"kty": "RSA", "n": n(256), "e": "AQAB"})),
            Some("PS256")
        );
        for bad in [
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}),
            json!({"kty": "OKP", "crv": "X25519", "x": x}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "alg": "HS256"}),
            json!({"kty": "OKP", "crv": "Ed25519", "x": x, "use": "enc"}),
            json!({"kty": "EC", "crv": "P-384", "x": x, "y": x}),
            json!({"kty": "RSA", "n": n(128), "e": "AQAB"}),
            json!({"kty": "RSA", "n": n(256), "e": "AQAB", "alg": "RS256"}),
            json!({"kty": "RSA", "n": n(256), "e": "Aw"}),
            json!({"kty": "oct", "k": x}),
        ] {
            assert_eq!(algorithm(bad.clone()), None, "{bad}");
        }
    }
}
