//! OAuth 2.0 and `OpenID` Connect: wire types and endpoints. The rules are in `oauth`.

pub mod authorize;
pub mod consent;
pub mod device;
pub mod discovery;
mod granted;
pub mod introspect;
pub mod metadata;
mod party;
pub mod revoke;
mod shown;
pub mod token;
pub mod userinfo;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::oauth::pkce::Challenge;
use crate::oauth::{Client, Code, GrantType, Scopes};

/// The way to the endpoints.
const BASE: &str = "/api/v1/oauth";

/// What a client asks for, as it came in a query.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Asked {
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub prompt: Option<String>,
    pub request: Option<String>,
    pub request_uri: Option<String>,
}

/// What a client asks for, checked.
pub struct Ask {
    pub scopes: Scopes,
    pub challenge: Challenge,
    pub nonce: Option<String>,
}

const STATE_MAX: usize = 1024;
const NONCE_MAX: usize = 255;

impl Ask {
    /// Checks all but client and redirect URI; says what is wrong in words for the client.
    pub fn check(client: &Client, asked: &Asked) -> Result<Self, (Code, &'static str)> {
        let said = |text: &Option<String>, what: &str| text.as_deref() == Some(what);
        let short = |text: &Option<String>, most: usize| text.as_ref().is_none_or(|text| text.len() <= most);
        if !client.may(GrantType::AuthorizationCode) {
            return Err((
                Code::UnauthorizedClient,
                "This client is not registered for the grant type authorization_code.",
            ));
        }
        if asked.request.is_some() || asked.request_uri.is_some() {
            return Err((
                Code::InvalidRequest,
                "Send the parameters themselves, not request or request_uri.",
            ));
        }
        if !said(&asked.response_type, "code") || asked.response_mode.as_deref().is_some_and(|mode| mode != "query") {
            return Err((
                Code::UnsupportedResponseType,
                "Send response_type=code; the answer comes in the query.",
            ));
        }
        if !short(&asked.state, STATE_MAX) || !short(&asked.nonce, NONCE_MAX) {
            return Err((Code::InvalidRequest, "state may have 1024 characters, nonce 255."));
        }
        let challenge = asked.code_challenge.as_deref().and_then(Challenge::check);
        let challenge = challenge.filter(|_| said(&asked.code_challenge_method, "S256"));
        let challenge = challenge.ok_or((
            Code::InvalidRequest,
            "Send code_challenge with code_challenge_method=S256 (RFC 7636).",
        ))?;
        let scopes = client.scopes.asked(asked.scope.as_deref());
        let scopes = scopes.ok_or((
            Code::InvalidScope,
            "This client is not registered for all of these scopes.",
        ))?;
        Ok(Self {
            scopes,
            challenge,
            nonce: asked.nonce.clone(),
        })
    }
}

/// What a client gets (RFC 6749, 5.1).
#[derive(Serialize, ToSchema)]
pub struct OauthTokens {
    /// Send it as `Authorization: Bearer` with every request.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.c2ln")]
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds for which the access token is good.
    #[schema(example = 300)]
    pub expires_in: i64,
    /// What it is good for.
    #[schema(example = "openid vm.read")]
    pub scope: String,
    /// Turn it in once for the next tokens; there if the client may.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis")]
    pub refresh_token: Option<String>,
    /// Who signed in; there with the scope `openid`, the first time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJFZERTQSIsImtpZCI6IjEifQ.e30.c2ln")]
    pub id_token: Option<String>,
}
