//! What a client is told of who signed in (`OpenID` Connect Core, 2).

use auth::token::LIFETIME_SECONDS;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use ids::{OauthClientId, SessionId, TenantId, UserId};
use serde::Serialize;
use sha2::{Digest, Sha512};

use super::client::wire_id;
use super::scope::Scopes;

/// The header type. That of access tokens is another, so the API takes none of these.
pub const TYPE: &str = "JWT";

/// How and when somebody signed in.
#[derive(Debug, Clone)]
pub struct SignIn {
    /// By what (RFC 8176).
    pub methods: Vec<String>,
    /// When.
    pub at: DateTime<Utc>,
    /// When their strongest factor was last shown.
    pub factor_at: Option<DateTime<Utc>>,
}

impl SignIn {
    /// The assurance, in the words of NIST SP 800-63: one factor or two.
    pub fn acr(&self) -> &'static str {
        if self.methods.len() > 1 { "aal2" } else { "aal1" }
    }

    /// By what, and that it was more than one thing.
    pub fn amr(&self) -> Vec<String> {
        let mut amr = self.methods.clone();
        if amr.len() > 1 {
            amr.push("mfa".to_owned());
        }
        amr
    }
}

/// What a person lets clients know of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct About {
    /// What they are called.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Was it proven to be theirs? Nobody has asked them to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
}

impl About {
    /// As much as the scopes say.
    pub fn of(scopes: &Scopes, display_name: &str, email: &str) -> Self {
        let address = scopes.has("email");
        Self {
            name: scopes.has("profile").then(|| display_name.to_owned()),
            email: address.then(|| email.to_owned()),
            email_verified: address.then_some(false),
        }
    }
}

/// The claims.
#[derive(Debug, Serialize)]
pub struct IdClaims {
    iss: String,
    sub: UserId,
    aud: String,
    iat: i64,
    exp: i64,
    auth_time: i64,
    acr: &'static str,
    amr: Vec<String>,
    at_hash: String,
    sid: SessionId,
    tenant: TenantId,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    #[serde(flatten)]
    about: About,
}

/// Whose token it is, and which session's.
pub struct Subject {
    /// Their tenant.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
    /// The session that the client got.
    pub session: SessionId,
    /// The client.
    pub client: OauthClientId,
}

impl IdClaims {
    /// The claims of a sign-in that gave this access token at `now`.
    pub fn new(
        (issuer, now): (String, DateTime<Utc>),
        of: &Subject,
        sign_in: &SignIn,
        access_token: &str,
        (nonce, about): (Option<String>, About),
    ) -> Self {
        Self {
            iss: issuer,
            sub: of.user,
            aud: wire_id(of.client),
            iat: now.timestamp(),
            exp: now.timestamp() + LIFETIME_SECONDS,
            auth_time: sign_in.at.timestamp(),
            acr: sign_in.acr(),
            amr: sign_in.amr(),
            at_hash: at_hash(access_token),
            sid: of.session,
            tenant: of.tenant,
            nonce,
            about,
        }
    }
}

/// The left half of the hash that the signature goes with: SHA-512 for Ed25519.
fn at_hash(access_token: &str) -> String {
    let hash = Sha512::digest(access_token);
    URL_SAFE_NO_PAD.encode(hash.get(..32).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_methods_are_two_factors() {
        let sign_in = |methods: &[&str]| SignIn {
            methods: methods.iter().map(|&name| name.to_owned()).collect(),
            at: DateTime::UNIX_EPOCH,
            factor_at: None,
        };
        let one = sign_in(&["pwd"]);
        assert_eq!((one.acr(), one.amr()), ("aal1", vec!["pwd".to_owned()]));
        let two = sign_in(&["pwd", "otp"]);
        assert_eq!((two.acr(), two.amr().join(" ")), ("aal2", "pwd otp mfa".to_owned()));
    }

    #[test]
    fn nobody_is_told_more_than_the_scopes_say() {
        let of = |scope: &str| About::of(&Scopes::stored(vec![scope.to_owned()]), "Ada", "ada@acme.example");
        assert_eq!(of("openid"), About::default());
        assert_eq!(of("profile").name.as_deref(), Some("Ada"));
        assert_eq!(of("email").email_verified, Some(false));
    }
}
