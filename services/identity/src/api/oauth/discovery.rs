use actix_web::get;
use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;
use web::Refusals;

use super::BASE;
use super::token::MACHINES;
use crate::oauth::{GrantType, Scopes, assertion};
use crate::state::Identity;

/// What this platform can do, for clients (RFC 8414; `OpenID` Connect Discovery, 3).
#[derive(Debug, Serialize, ToSchema)]
pub struct ProviderMetadata {
    /// Who makes the tokens, and says so in each answer.
    #[schema(example = "https://cloud.example")]
    pub issuer: String,
    /// Where people are sent.
    #[schema(example = "https://cloud.example/api/v1/oauth/authorize")]
    pub authorization_endpoint: String,
    /// Where grants are turned in.
    #[schema(example = "https://cloud.example/api/v1/oauth/token")]
    pub token_endpoint: String,
    /// Where devices without a browser ask (RFC 8628).
    #[schema(example = "https://cloud.example/api/v1/oauth/device")]
    pub device_authorization_endpoint: String,
    /// Who somebody is.
    #[schema(example = "https://cloud.example/api/v1/oauth/userinfo")]
    pub userinfo_endpoint: String,
    /// What a token is worth now.
    #[schema(example = "https://cloud.example/api/v1/oauth/introspect")]
    pub introspection_endpoint: String,
    /// Where tokens are ended.
    #[schema(example = "https://cloud.example/api/v1/oauth/revoke")]
    pub revocation_endpoint: String,
    /// The public keys that tokens are signed with.
    #[schema(example = "https://cloud.example/.well-known/jwks.json")]
    pub jwks_uri: String,
    /// The words that every client may register; names of actions are scopes as well.
    pub scopes_supported: Vec<&'static str>,
    /// What the authorization endpoint gives.
    pub response_types_supported: Vec<&'static str>,
    /// How it gives it.
    pub response_modes_supported: Vec<&'static str>,
    /// The ways to tokens.
    pub grant_types_supported: Vec<&'static str>,
    /// Everybody sees the same id of a person.
    pub subject_types_supported: Vec<&'static str>,
    /// How id tokens are signed.
    pub id_token_signing_alg_values_supported: Vec<&'static str>,
    /// How clients prove themselves.
    pub token_endpoint_auth_methods_supported: Vec<&'static str>,
    /// With which algorithms they sign their proofs.
    pub token_endpoint_auth_signing_alg_values_supported: Vec<&'static str>,
    /// How challenges are made (RFC 7636).
    pub code_challenge_methods_supported: Vec<&'static str>,
    /// What id tokens may say.
    pub claims_supported: Vec<&'static str>,
    /// How sure it is who signed in.
    pub acr_values_supported: Vec<&'static str>,
    /// Every answer says who gives it (RFC 9207).
    pub authorization_response_iss_parameter_supported: bool,
    /// Parameters come by themselves, not in a signed bundle.
    pub request_parameter_supported: bool,
    /// Nor by an address.
    pub request_uri_parameter_supported: bool,
}

impl ProviderMetadata {
    pub(super) fn of(issuer: &str) -> Self {
        let at = |name: &str| format!("{issuer}{BASE}/{name}");
        Self {
            issuer: issuer.to_owned(),
            authorization_endpoint: at("authorize"),
            token_endpoint: at("token"),
            device_authorization_endpoint: at("device"),
            userinfo_endpoint: at("userinfo"),
            introspection_endpoint: at("introspect"),
            revocation_endpoint: at("revoke"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            scopes_supported: Scopes::words().to_vec(),
            response_types_supported: vec!["code"],
            response_modes_supported: vec!["query"],
            grant_types_supported: vec![
                GrantType::AuthorizationCode.name(),
                GrantType::RefreshToken.name(),
                GrantType::DeviceCode.name(),
                MACHINES,
            ],
            subject_types_supported: vec!["public"],
            id_token_signing_alg_values_supported: vec!["EdDSA"],
            token_endpoint_auth_methods_supported: vec![
                "client_secret_basic",
                "client_secret_post",
                "private_key_jwt",
                "none",
            ],
            token_endpoint_auth_signing_alg_values_supported: assertion::ALGORITHMS.to_vec(),
            code_challenge_methods_supported: vec!["S256"],
            claims_supported: vec![
                "iss",
                "sub",
                "aud",
                "exp",
                "iat",
                "auth_time",
                "nonce",
                "acr",
                "amr",
                "at_hash",
                "sid",
                "tenant",
                "name",
                "email",
                "email_verified",
            ],
            acr_values_supported: vec!["aal1", "aal2"],
            authorization_response_iss_parameter_supported: true,
            request_parameter_supported: false,
            request_uri_parameter_supported: false,
        }
    }
}

/// Reads what this platform offers to `OpenID` Connect's clients.
#[utoipa::path(
    operation_id = "read_openid_configuration",
    tag = "oauth",
    description = "OpenID Connect Discovery 1.0: where the endpoints are and what they can do.",
    responses((status = 200, description = "The description", body = ProviderMetadata), Refusals),
    security(()),
)]
#[get("/.well-known/openid-configuration")]
pub async fn read_openid_configuration(identity: Data<Identity>) -> Json<ProviderMetadata> {
    Json(ProviderMetadata::of(identity.keys.issuer()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::{ISSUER, start};

    #[tokio::test]
    async fn it_says_where_everything_is() {
        let test = start().await;
        let said = test
            .client
            .get("/.well-known/openid-configuration")
            .await
            .expect(200)
            .json;
        assert_eq!(
            (&said["issuer"], &said["response_types_supported"]),
            (&json!(ISSUER), &json!(["code"]))
        );
        assert_eq!(said["code_challenge_methods_supported"], json!(["S256"]));
        let other = test
            .client
            .get("/.well-known/oauth-authorization-server")
            .await
            .expect(200)
            .json;
        assert_eq!(said, other);
        for (name, place) in said.as_object().unwrap() {
            if !name.ends_with("_endpoint") && name != "jwks_uri" {
                continue;
            }
            let path = place.as_str().unwrap().strip_prefix(ISSUER).unwrap();
            let status = test.client.get(path).await.status;
            assert_ne!(status, 404, "{name}");
        }
    }
}
