//! Clients that prove themselves with a key instead of a secret: `private_key_jwt` (RFC 7523; `OpenID` Connect Core, 9).
//!
//! The algorithm follows from the registered key, never from the proof: what says `none`, or is keyed with the public half
//! as if it were a shared secret, finds no key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;

use super::jwk::PublicJwk;

/// What `client_assertion_type` says.
pub const TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// The algorithms, for the platform's description.
pub const ALGORITHMS: [&str; 3] = ["EdDSA", "ES256", "PS256"];

const LONGEST: usize = 4096;
/// How far ahead a proof may end: what is found later in a log is worth nothing.
const LIFETIME: TimeDelta = TimeDelta::minutes(5);

/// The proof is not good; why is for the log only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Not three parts, too long, or not readable.
    #[error("not a proof")]
    Shape,
    /// None of the client's keys has signed it.
    #[error("no key of the client has signed it")]
    Signature,
    /// Of somebody else, for somebody else.
    #[error("made by or for somebody else")]
    Party,
    /// Too late, too early, or good for too long.
    #[error("not good at this time")]
    Time,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    #[serde(default)]
    crit: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    nbf: Option<i64>,
    jti: String,
}

/// A proof that is good; to be remembered until it ends.
#[derive(Debug, PartialEq, Eq)]
pub struct Proof {
    /// Its id.
    pub jti: String,
    /// When it ends.
    pub ends: DateTime<Utc>,
}

/// The client that a proof says it is of. Nothing is proven yet.
pub fn claimed(text: &str) -> Option<String> {
    let claims: Claims = part(text, 1)?;
    Some(claims.sub)
}

/// Checks a proof by these keys of the client `of`.
pub fn check(
    text: &str,
    keys: &[&PublicJwk],
    of: &str,
    audiences: &[String],
    now: DateTime<Utc>,
) -> Result<Proof, Wrong> {
    let head: Head = part(text, 0).ok_or(Wrong::Shape)?;
    if text.len() > LONGEST || text.split('.').count() != 3 || !head.crit.is_null() {
        return Err(Wrong::Shape);
    }
    let named = |key: &&&PublicJwk| {
        let same = head.kid.is_none() || key.kid.is_none() || key.kid == head.kid;
        same && key.algorithm() == Some(head.alg.as_str())
    };
    let claims = keys.iter().filter(named).find_map(|key| signed(text, key));
    let claims = claims.ok_or(Wrong::Signature)?;

    let for_us = |audience: &String| audiences.contains(audience);
    let meant = match &claims.aud {
        Audience::One(one) => for_us(one),
        Audience::Many(many) => !many.is_empty() && many.iter().all(for_us),
    };
    if claims.iss != of || claims.sub != of || !meant {
        return Err(Wrong::Party);
    }
    let ends = DateTime::from_timestamp(claims.exp, 0).ok_or(Wrong::Time)?;
    let begun = claims.nbf.is_none_or(|from| from <= now.timestamp());
    if !begun || ends <= now || ends > now + LIFETIME {
        return Err(Wrong::Time);
    }
    if !(1..=256).contains(&claims.jti.len()) {
        return Err(Wrong::Shape);
    }
    Ok(Proof { jti: claims.jti, ends })
}

fn part<T: serde::de::DeserializeOwned>(text: &str, number: usize) -> Option<T> {
    if text.len() > LONGEST {
        return None;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text.split('.').nth(number)?).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn signed(text: &str, key: &PublicJwk) -> Option<Claims> {
    let (algorithm, key) = match key.algorithm()? {
        "EdDSA" => (
            Algorithm::EdDSA,
            DecodingKey::from_ed_components(key.x.as_deref()?).ok()?,
        ),
        "ES256" => {
            let point = DecodingKey::from_ec_components(key.x.as_deref()?, key.y.as_deref()?);
            (Algorithm::ES256, point.ok()?)
        }
        "PS256" => {
            let numbers = DecodingKey::from_rsa_components(key.n.as_deref()?, key.e.as_deref()?);
            (Algorithm::PS256, numbers.ok()?)
        }
        _ => return None,
    };
    let mut rules = Validation::new(algorithm);
    // By our own clock, and by rules of our own, above.
    (rules.validate_exp, rules.validate_nbf, rules.validate_aud) = (false, false, false);
    rules.required_spec_claims.clear();
    jsonwebtoken::decode::<Claims>(text, &key, &rules)
        .ok()
        .map(|data| data.claims)
}

#[cfg(test)]
mod tests {
    use auth::token::Signer;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::{Value, json};

    use super::*;

    const OF: &str = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3";
    const US: &str = "https://cloud.example";

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_000_000, 0).unwrap()
    }

    fn claims() -> Value {
        json!({"iss": OF, "sub": OF, "aud": US, "exp": 1_000_060, "jti": "1"})
    }

    struct Pair {
        key: EncodingKey,
        jwk: PublicJwk,
    }

    fn ed25519() -> Pair {
        auth::token::install_provider();
        let pkcs8 = Signer::generate().unwrap();
        let public = Signer::open(&pkcs8).unwrap().jwk().clone();
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": public.x});
        Pair {
            key: EncodingKey::from_ed_der(&pkcs8),
            jwk: serde_json::from_value(jwk).unwrap(),
        }
    }

    fn p256() -> Pair {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
        auth::token::install_provider();
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &aws_lc_rs::rand::SystemRandom::new())
                .unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref()).unwrap();
        let point = pair.public_key().as_ref();
        let jwk = json!({"kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode(&point[1..33]),
                         "y": URL_SAFE_NO_PAD.encode(&point[33..65])});
        Pair {
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            jwk: serde_json::from_value(jwk).unwrap(),
        }
    }

    fn rsa() -> Pair {
        use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
        use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKeyComponents};
        use aws_lc_rs::signature::KeyPair as _;
        auth::token::install_provider();
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        let public: PublicKeyComponents<Vec<u8>> = pair.public_key().into();
        let jwk = json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(&public.n), "e": URL_SAFE_NO_PAD.encode(&public.e)});
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            base64::engine::general_purpose::STANDARD.encode(der.as_ref())
        );
        Pair {
            key: EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap(),
            jwk: serde_json::from_value(jwk).unwrap(),
        }
    }

    fn sign(algorithm: Algorithm, key: &EncodingKey, claims: &Value) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, key).unwrap()
    }

    fn judge(text: &str, jwk: &PublicJwk) -> Result<Proof, Wrong> {
        let audiences = [US.to_owned(), format!("{US}/api/v1/oauth/token")];
        check(text, &[jwk], OF, &audiences, now())
    }

    #[test]
    fn each_kind_of_key_proves_its_client() {
        for (algorithm, pair) in [
            (Algorithm::EdDSA, ed25519()),
            (Algorithm::ES256, p256()),
            (Algorithm::PS256, rsa()),
        ] {
            let text = sign(algorithm, &pair.key, &claims());
            assert_eq!(judge(&text, &pair.jwk).unwrap().jti, "1", "{algorithm:?}");
            assert_eq!(claimed(&text).as_deref(), Some(OF));
            assert_eq!(judge(&text, &ed25519().jwk), Err(Wrong::Signature), "another's key");
        }
    }

    #[test]
    fn t16_the_algorithm_follows_from_the_key() {
        let pair = ed25519();
        let public = pair.jwk.x.clone().unwrap();
        for secret in [public.as_bytes().to_vec(), URL_SAFE_NO_PAD.decode(&public).unwrap()] {
            let hs = sign(Algorithm::HS256, &EncodingKey::from_secret(&secret), &claims());
            assert_eq!(
                judge(&hs, &pair.jwk),
                Err(Wrong::Signature),
                "HS256 with the public key"
            );
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        for head in [json!({"alg": "none"}), json!({"alg": "None"}), json!({"alg": ""})] {
            let none = format!("{}.{}.", part(&head), part(&claims()));
            assert_eq!(judge(&none, &pair.jwk), Err(Wrong::Signature), "{head}");
        }
        let rsa = rsa();
        let rs = sign(Algorithm::RS256, &rsa.key, &claims());
        assert_eq!(judge(&rs, &rsa.jwk), Err(Wrong::Signature), "RS256 is not offered");
        let good = sign(Algorithm::EdDSA, &pair.key, &claims());
        let rest = good.split_once('.').unwrap().1;
        let critical = format!(
            "{}.{rest}",
            part(&json!({"alg": "EdDSA", "crit": ["b64"], "b64": false}))
        );
        assert_eq!(judge(&critical, &pair.jwk), Err(Wrong::Shape));
        for junk in ["", "..", "a.b.c", &"a".repeat(5000), &format!("{good}.x")] {
            assert!(judge(junk, &pair.jwk).is_err(), "{junk:.40}");
        }
    }

    #[test]
    fn a_proof_is_of_its_client_for_us_and_for_minutes() {
        let pair = ed25519();
        let judged = |change: &dyn Fn(&mut Value)| {
            let mut claims = claims();
            change(&mut claims);
            judge(&sign(Algorithm::EdDSA, &pair.key, &claims), &pair.jwk)
        };
        assert!(judged(&|claims| claims["aud"] = json!([format!("{US}/api/v1/oauth/token")])).is_ok());
        assert!(judged(&|claims| claims["exp"] = json!(1_000_300)).is_ok());
        for (change, wrong) in [
            (
                &(|claims: &mut Value| claims["aud"] = json!("https://evil.example")) as &dyn Fn(&mut Value),
                Wrong::Party,
            ),
            (
                &|claims| claims["aud"] = json!([US, "https://evil.example"]),
                Wrong::Party,
            ),
            (&|claims| claims["aud"] = json!([]), Wrong::Party),
            (&|claims| claims["iss"] = json!("somebody"), Wrong::Party),
            (&|claims| claims["sub"] = json!("somebody"), Wrong::Party),
            (&|claims| claims["exp"] = json!(1_000_000), Wrong::Time),
            (&|claims| claims["exp"] = json!(1_000_301), Wrong::Time),
            (&|claims| claims["nbf"] = json!(1_000_001), Wrong::Time),
            (&|claims| claims["jti"] = json!(""), Wrong::Shape),
            (
                &|claims| drop(claims.as_object_mut().unwrap().remove("jti")),
                Wrong::Signature,
            ),
            (&|claims| claims["exp"] = json!("1000060"), Wrong::Signature),
        ] {
            assert_eq!(judged(change), Err(wrong));
        }
    }
}
