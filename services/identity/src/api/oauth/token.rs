mod code;
mod device;
mod machine;
mod renew;

use actix_web::post;
use actix_web::web::{Data, Json};
use secrecy::SecretString;
use serde::Deserialize;
use utoipa::ToSchema;
use web::Form;

use super::OauthTokens;
use super::party::{self, Party};
use super::shown::Shown;
use crate::oauth::refusal::{OauthRefusal, OauthRefusals};
use crate::oauth::{Client, Code, GrantType, Refusal};
use crate::state::Identity;

/// What is said of a machine's token that is good for all that its account may do.
pub(super) const EVERYTHING: &str = "all";

/// The way of service accounts, by themselves.
pub(super) const MACHINES: &str = "client_credentials";

/// What a client turns in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// `authorization_code`, `refresh_token`, `client_credentials` or `urn:ietf:params:oauth:grant-type:device_code`.
    #[schema(value_type = String, example = "authorization_code")]
    grant_type: Option<String>,
    /// The code.
    #[schema(value_type = Option<String>, example = "yac_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJG")]
    code: Option<SecretString>,
    /// Where the code came.
    #[schema(example = "https://app.example/callback")]
    redirect_uri: Option<String>,
    /// What the challenge was made of (RFC 7636).
    #[schema(value_type = Option<String>, example = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")]
    code_verifier: Option<SecretString>,
    /// The refresh token.
    #[schema(value_type = Option<String>, example = "yrt_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJGis")]
    refresh_token: Option<SecretString>,
    /// What a device keeps to itself (RFC 8628).
    #[schema(value_type = Option<String>, example = "ydc_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJG")]
    device_code: Option<SecretString>,
    /// For `client_credentials`: the only actions the token is for. Else the same as before, or nothing.
    #[schema(example = "openid email")]
    scope: Option<String>,
    /// The client, unless it is named otherwise.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    client_id: Option<String>,
    /// Its secret, unless it comes as `Authorization: Basic`.
    #[schema(value_type = Option<String>)]
    client_secret: Option<SecretString>,
    /// `urn:ietf:params:oauth:client-assertion-type:jwt-bearer`.
    client_assertion_type: Option<String>,
    /// A proof signed with one of its keys (RFC 7523).
    #[schema(value_type = Option<String>)]
    client_assertion: Option<SecretString>,
}

/// Turns in what gives tokens.
#[utoipa::path(
    operation_id = "issue_oauth_token",
    tag = "oauth",
    description = "RFC 6749, 3.2. A client proves itself by `Authorization: Basic`, by `client_secret`, by a proof that it signs \
                   (`private_key_jwt`), or, if it is public, not at all. A code or refresh token that comes a second time ends \
                   what the first time gave. Unknown and repeated parameters are refused.",
    request_body(content = TokenRequest, content_type = "application/x-www-form-urlencoded", description = "The grant"),
    responses(
        (status = 200, description = "The tokens", body = OauthTokens),
        OauthRefusals,
        (status = 400, description = "Refused (RFC 6749, 5.2)", body = OauthRefusal),
        (status = 401, description = "The client has not proven itself (RFC 6749, 5.2)", body = OauthRefusal),
    ),
    security(()),
)]
#[post("/oauth/token")]
pub async fn issue_oauth_token(
    ask: Form<TokenRequest>,
    identity: Data<Identity>,
) -> Result<Json<OauthTokens>, Refusal> {
    let Form { body, basic, origin } = ask;
    let mut body = body?;
    let shown = Shown {
        client_id: body.client_id.take(),
        client_secret: body.client_secret.take(),
        client_assertion_type: body.client_assertion_type.take(),
        client_assertion: body.client_assertion.take(),
        basic,
    };
    let party = party::prove(&identity, &origin, shown).await?;
    if body.grant_type.as_deref() == Some(MACHINES) {
        let Party::Machine(machine) = party else {
            let description = "Only service accounts come by the grant type client_credentials.";
            return Err(Refusal::new(Code::UnauthorizedClient, description));
        };
        return Ok(Json(machine::issue(&identity, &origin, &machine, &body).await?));
    }
    let client = party.client()?;

    let grant = body.grant_type.as_deref().and_then(GrantType::named);
    let granted = match grant.ok_or_else(|| unsupported(body.grant_type.as_deref()))? {
        GrantType::AuthorizationCode => code::redeem(&identity, &origin, &client, &body).await?,
        GrantType::RefreshToken => renew::renew(&identity, &origin, &client, &body).await?,
        GrantType::DeviceCode => device::poll(&identity, &origin, &client, &body).await?,
    };
    Ok(Json(granted.tokens(&identity).await?))
}

fn unsupported(grant: Option<&str>) -> Refusal {
    match grant {
        None => Refusal::new(Code::InvalidRequest, "Say how: grant_type is missing."),
        Some(_) => Refusal::new(Code::UnsupportedGrantType, "This grant type leads to no tokens here."),
    }
}

/// A client has the ways to tokens that it was registered for.
pub(super) fn must_have(client: &Client, grant: GrantType) -> Result<(), Refusal> {
    if client.may(grant) {
        return Ok(());
    }
    let description = format!("This client is not registered for the grant type {}.", grant.name());
    Err(Refusal::new(Code::UnauthorizedClient, description))
}

fn missing(name: &str) -> Refusal {
    Refusal::new(Code::InvalidRequest, format!("{name} is missing."))
}
