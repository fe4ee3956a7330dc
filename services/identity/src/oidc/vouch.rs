//! From a code to a person: what a provider vouches for, checked.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{CoreIdToken, CoreJsonWebKey, CoreJwsSigningAlgorithm as Alg};
use openidconnect::{
    AccessToken, AccessTokenHash, AuthorizationCode, ClaimsVerificationError, ClientId, IdTokenVerifier, IssuerUrl,
    Nonce, OAuth2TokenResponse, PkceCodeVerifier, RequestTokenError, SignatureVerificationError, TokenResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};

use super::http::Http;
use super::known::Known;
use super::secret::{Away, Secret};
use super::{Error, Relying};
use crate::provider::Provider;

/// Signatures with a private key; what a shared secret or nothing signs is not among them.
const ALGORITHMS: [Alg; 9] = [
    Alg::RsaSsaPkcs1V15Sha256,
    Alg::RsaSsaPkcs1V15Sha384,
    Alg::RsaSsaPkcs1V15Sha512,
    Alg::RsaSsaPssSha256,
    Alg::RsaSsaPssSha384,
    Alg::RsaSsaPssSha512,
    Alg::EcdsaP256Sha256,
    Alg::EcdsaP384Sha384,
    Alg::EdDsa,
];
/// How far a provider's clock may be from ours.
const SKEW: TimeDelta = TimeDelta::minutes(2);
/// How old a token may be that was fetched this moment.
const OLDEST: TimeDelta = TimeDelta::minutes(10);
/// The longest subject (`OpenID` Connect Core, 2).
const SUBJECT_MAX: usize = 255;

/// Whom a provider vouches for, and what it says of them.
#[derive(Debug, Clone)]
pub struct Vouched {
    /// Its own name for them.
    pub subject: String,
    /// Their address, unless it says that it has not seen to that.
    pub email: Option<String>,
    /// What they are called.
    pub name: Option<String>,
    /// When they last proved there who they are.
    pub proven_at: Option<DateTime<Utc>>,
    /// How: the class.
    pub acr: Option<String>,
    /// How: the methods (RFC 8176).
    pub amr: Vec<String>,
    claims: Map<String, Value>,
}

/// What came back with somebody.
pub struct Answer<'a> {
    /// To be turned in for tokens.
    pub code: &'a SecretString,
    /// Who sends it, where it says so (RFC 9207).
    pub issuer: Option<&'a str>,
}

impl Relying {
    /// Whom `answer` stands for.
    pub async fn vouch(
        &self,
        provider: &Provider,
        client_secret: Option<&SecretString>,
        (secret, away): (&Secret, &Away),
        answer: &Answer<'_>,
    ) -> Result<Vouched, Error> {
        let known = self.know(&provider.issuer).await?;
        match answer.issuer {
            Some(issuer) if issuer != provider.issuer => return Err(refused("the answer is of another issuer")),
            None if known.names_issuer() => return Err(refused("the answer does not name its issuer")),
            _ => {}
        }
        let (token, access) = self
            .turn_in(&known, provider, client_secret, (secret, answer.code))
            .await?;
        let verified = self.verify(&known, provider, (secret, away), (&token, &access));
        let (known, claims) = match verified {
            Err(Failure::UnknownKey) => {
                let fresh = self.know_keys(&provider.issuer, &known).await?;
                let fresh = fresh.ok_or_else(|| refused("the token is signed by a key that is not published"))?;
                let claims = self.verify(&fresh, provider, (secret, away), (&token, &access));
                (fresh, claims.map_err(Failure::into_error)?)
            }
            other => (known, other.map_err(Failure::into_error)?),
        };
        let mut vouched = Vouched::read(claims)?;
        if vouched.email.is_none() && provider.create_users {
            self.ask_more(&known, &access, &mut vouched).await?;
        }
        Ok(vouched)
    }

    async fn turn_in(
        &self,
        known: &Known,
        provider: &Provider,
        client_secret: Option<&SecretString>,
        (secret, code): (&Secret, &SecretString),
    ) -> Result<(CoreIdToken, AccessToken), Error> {
        let client = self.client(known, provider, client_secret)?;
        let code = AuthorizationCode::new(code.expose_secret().to_owned());
        let asked = client
            .exchange_code(code)
            .map_err(|_| Error::Silent("it names no token endpoint".to_owned()))?
            .set_pkce_verifier(PkceCodeVerifier::new(secret.verifier()));
        let tokens = asked.request_async(&Http(self)).await.map_err(|error| match error {
            RequestTokenError::Request(error) => error,
            // What it says may be anything; its code is from a short list.
            RequestTokenError::ServerResponse(said) => refused(&format!("the token endpoint says {:?}", said.error())),
            RequestTokenError::Parse(error, _) => Error::Silent(format!(
                "the token endpoint's answer cannot be read at {}",
                error.path()
            )),
            RequestTokenError::Other(_) => Error::Silent("the token endpoint does not answer as one".to_owned()),
        })?;
        let token = tokens.id_token().ok_or_else(|| refused("there is no ID token"))?;
        Ok((token.clone(), tokens.access_token().clone()))
    }

    fn verify(
        &self,
        known: &Arc<Known>,
        provider: &Provider,
        (secret, away): (&Secret, &Away),
        (token, access): (&CoreIdToken, &AccessToken),
    ) -> Result<Map<String, Value>, Failure> {
        let now = self.clock.now();
        let issuer = IssuerUrl::new(provider.issuer.clone()).map_err(|_| Failure::of("the issuer is no URL"))?;
        let client = ClientId::new(provider.client_id.clone());
        let keys = known.metadata.jwks().clone();
        let (anew, since) = (away.anew, away.since);
        let verifier: IdTokenVerifier<'_, CoreJsonWebKey> =
            IdTokenVerifier::new_public_client(client.clone(), issuer, keys)
                .set_allowed_algs(ALGORITHMS)
                .set_time_fn(move || now)
                .set_issue_time_verifier_fn(move |at| {
                    let lately = now - OLDEST <= at && at <= now + SKEW;
                    lately.then_some(()).ok_or_else(|| "not issued lately".to_owned())
                })
                .set_auth_time_verifier_fn(move |at| {
                    let proven = !anew || at.is_some_and(|at| since - SKEW <= at);
                    proven.then_some(()).ok_or_else(|| "not proven anew".to_owned())
                });
        let claims = token
            .claims(&verifier, &Nonce::new(secret.nonce()))
            .map_err(Failure::from)?;
        if claims.authorized_party().is_some_and(|party| *party != client) {
            return Err(Failure::of("the token is for another party"));
        }
        if let Some(promised) = claims.access_token_hash() {
            let (alg, key) = (token.signing_alg(), token.signing_key(&verifier));
            let (Ok(alg), Ok(key)) = (alg, key) else {
                return Err(Failure::of("the token's key is gone"));
            };
            if AccessTokenHash::from_token(access, alg, key).ok().as_ref() != Some(promised) {
                return Err(Failure::of("the access token is another than the one signed for"));
            }
        }
        // The same text that was verified, with the claims that only this tenant knows the meaning of.
        let text = token.to_string();
        let payload = text.split('.').nth(1).unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
        serde_json::from_slice(&bytes).map_err(|_| Failure::of("the token's claims cannot be read"))
    }

    /// Name and address, where the ID token does not carry them.
    async fn ask_more(&self, known: &Known, access: &AccessToken, vouched: &mut Vouched) -> Result<(), Error> {
        let Some(url) = known.metadata.userinfo_endpoint() else {
            return Ok(());
        };
        let asked = openidconnect::http::Request::get(url.as_str())
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {}", access.secret()))
            .body(Vec::new());
        let asked = asked.map_err(|_| refused("the access token cannot be sent"))?;
        let answer = self.call(asked).await?;
        let claims: Map<String, Value> = serde_json::from_slice(answer.body())
            .map_err(|_| Error::Silent("its userinfo endpoint does not answer with JSON".to_owned()))?;
        // Somebody else's claims would be taken for theirs (OpenID Connect Core, 5.3.2).
        if claims.get("sub").and_then(Value::as_str) != Some(vouched.subject.as_str()) {
            return Err(refused("the userinfo endpoint tells of somebody else"));
        }
        vouched.email = email(&claims);
        if vouched.name.is_none() {
            vouched.name = text(&claims, "name");
        }
        Ok(())
    }
}

impl Vouched {
    fn read(claims: Map<String, Value>) -> Result<Self, Error> {
        let subject = text(&claims, "sub").filter(|subject| subject.len() <= SUBJECT_MAX && !subject.contains('\0'));
        let amr = claims.get("amr").map(strings).unwrap_or_default();
        let proven_at = claims.get("auth_time").and_then(Value::as_i64);
        Ok(Self {
            subject: subject.ok_or_else(|| refused("the subject is empty or too long"))?,
            email: email(&claims),
            name: text(&claims, "name"),
            proven_at: proven_at.and_then(|seconds| DateTime::from_timestamp(seconds, 0)),
            acr: text(&claims, "acr"),
            amr,
            claims,
        })
    }

    /// The values of a claim: a name, or where that begins with `/`, a JSON pointer (RFC 6901) to one inside another.
    pub fn values(&self, claim: &str) -> Vec<String> {
        let found = if claim.starts_with('/') {
            let mut steps = claim
                .split('/')
                .skip(1)
                .map(|step| step.replace("~1", "/").replace("~0", "~"));
            let first = steps.next().and_then(|step| self.claims.get(&step));
            steps.fold(first, |at, step| at.and_then(|at| at.get(&step)))
        } else {
            self.claims.get(claim)
        };
        found.map(strings).unwrap_or_default()
    }
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    let text = claims.get(name).and_then(Value::as_str)?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// An address that the provider does not say it has seen to is none: some let people type whatever they like.
fn email(claims: &Map<String, Value>) -> Option<String> {
    let seen = claims.get("email_verified") == Some(&Value::Bool(true));
    text(claims, "email").filter(|_| seen)
}

/// A string, or all strings of a list.
fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::String(one) => vec![one.clone()],
        Value::Array(all) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

fn refused(why: &str) -> Error {
    Error::Refused(why.to_owned())
}

/// Why a token is not believed.
enum Failure {
    UnknownKey,
    Other(String),
}

impl Failure {
    fn of(why: &str) -> Self {
        Self::Other(why.to_owned())
    }

    fn into_error(self) -> Error {
        match self {
            Self::UnknownKey => refused("the token is signed by a key that is not published"),
            Self::Other(why) => Error::Refused(why),
        }
    }
}

impl From<ClaimsVerificationError> for Failure {
    fn from(error: ClaimsVerificationError) -> Self {
        match error {
            ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey) => {
                Self::UnknownKey
            }
            other => Self::Other(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(claims: Value) -> Result<Vouched, Error> {
        Vouched::read(claims.as_object().unwrap().clone())
    }

    #[test]
    fn groups_are_found_by_name_or_by_pointer() {
        let vouched = read(json!({
            "sub": "1", "groups": ["a", 7, "b"], "one": "c", "realm_access": {"roles": ["d"], "x/y": "e"},
        }))
        .unwrap();
        for (claim, values) in [
            ("groups", vec!["a", "b"]),
            ("one", vec!["c"]),
            ("/realm_access/roles", vec!["d"]),
            ("/realm_access/x~1y", vec!["e"]),
            ("/groups", vec!["a", "b"]),
            ("none", vec![]),
            ("/realm_access/none/deeper", vec![]),
        ] {
            assert_eq!(vouched.values(claim), values, "{claim}");
        }
    }

    #[test]
    fn an_address_that_was_not_seen_to_is_none() {
        let email = |claims| read(claims).unwrap().email;
        assert_eq!(
            email(json!({"sub": "1", "email": "a@b.example", "email_verified": true})).as_deref(),
            Some("a@b.example")
        );
        assert_eq!(email(json!({"sub": "1", "email": "a@b.example"})), None);
        assert_eq!(
            email(json!({"sub": "1", "email": "a@b.example", "email_verified": false})),
            None
        );
        assert_eq!(
            email(json!({"sub": "1", "email": "a@b.example", "email_verified": "true"})),
            None
        );
        assert!(read(json!({"sub": ""})).is_err() && read(json!({"sub": "x".repeat(256)})).is_err());
    }
}
