//! Clients: programs that people may let act for them.

use auth::action::oauth_client;
use auth::{Action, Info, PLATFORM, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use fault::FieldError;
use ids::uuid::Uuid;
use ids::{OauthClientId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::jwk::PublicJwks;
use super::redirect::RedirectUri;
use super::scope::Scopes;

/// Our own command line, which every tenant has.
pub const CLI: OauthClientId = OauthClientId::from_uuid(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0c11));
const CLI_NAME: &str = "yunshu-cli";

const URIS_MOST: usize = 20;

/// Can it keep a secret?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// It runs where nobody but its owner looks, and proves who it is.
    Confidential,
    /// It runs at everybody's, so nothing in it is secret.
    Public,
}

impl ClientKind {
    /// As the database keeps it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Confidential => "confidential",
            Self::Public => "public",
        }
    }
}

/// A way to tokens (RFC 7591 has the names).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
pub enum GrantType {
    /// The person is sent to us and back with a code.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// It may renew what it has got.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// The person comes to us by themself and names a code (RFC 8628).
    #[serde(rename = "urn:ietf:params:oauth:grant-type:device_code")]
    DeviceCode,
}

impl GrantType {
    const ALL: [Self; 3] = [Self::AuthorizationCode, Self::RefreshToken, Self::DeviceCode];

    /// As it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::DeviceCode => "urn:ietf:params:oauth:grant-type:device_code",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|grant| grant.name() == name)
    }
}

/// A client.
#[derive(Debug, Clone)]
pub struct Client {
    /// Its tenant; the platform for one that is built in.
    pub tenant: TenantId,
    /// Its id.
    pub id: OauthClientId,
    /// What people are told it is.
    pub name: String,
    /// Can it keep a secret?
    pub kind: ClientKind,
    /// Where answers may go.
    pub redirect_uris: Vec<RedirectUri>,
    /// Its ways to tokens.
    pub grant_types: Vec<GrantType>,
    /// What it may be let in for.
    pub scopes: Scopes,
    /// SHA-256 of its secret.
    pub secret_hash: Option<Vec<u8>>,
    /// The keys it proves itself with instead.
    pub jwks: Option<PublicJwks>,
    /// Is it let in at all?
    pub enabled: bool,
    /// Counts its changes.
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl Client {
    /// The client of ours of that id.
    pub fn built_in(id: OauthClientId) -> Option<Self> {
        (id == CLI).then(|| Self {
            tenant: PLATFORM,
            id: CLI,
            name: "Yunshu CLI".to_owned(),
            kind: ClientKind::Public,
            redirect_uris: Vec::new(),
            grant_types: vec![GrantType::RefreshToken, GrantType::DeviceCode],
            scopes: Scopes::everything(),
            secret_hash: None,
            jwks: None,
            enabled: true,
            generation: 1,
            created_at: DateTime::UNIX_EPOCH,
            updated_at: DateTime::UNIX_EPOCH,
        })
    }

    /// May people of this tenant let it in?
    pub fn serves(&self, tenant: TenantId) -> bool {
        self.enabled && (self.tenant == tenant || self.id == CLI)
    }

    /// Has it this way to tokens?
    pub fn may(&self, grant: GrantType) -> bool {
        self.grant_types.contains(&grant)
    }

    /// Is this one of the places where its answers may go?
    pub fn answers_at(&self, uri: &str) -> bool {
        self.redirect_uris.iter().any(|own| own.is(uri))
    }
}

impl Resource for Client {
    const NAME: &'static str = "OAuth client";
    const READ: &'static Info = oauth_client::Read::INFO;

    fn place(&self) -> Place {
        Place::Tenant(self.tenant)
    }
}

/// A client's id as it is written on the wire.
pub fn wire_id(id: OauthClientId) -> String {
    if id == CLI { CLI_NAME.to_owned() } else { id.to_string() }
}

/// The id of that spelling.
pub fn parse_id(text: &str) -> Option<OauthClientId> {
    if text == CLI_NAME {
        return Some(CLI);
    }
    text.parse().ok().filter(|id| *id != CLI)
}

/// The places where answers may go; a client that is sent no codes needs none.
pub fn check_uris(texts: &[String], grants: &[GrantType]) -> Result<Vec<RedirectUri>, FieldError> {
    let codes = grants.contains(&GrantType::AuthorizationCode);
    if texts.len() > URIS_MOST || codes == texts.is_empty() {
        let rule = "must have 1 to 20 entries with the grant type authorization_code, and none without";
        return Err(FieldError::new("/redirect_uris", rule));
    }
    let one = |(at, text): (usize, &String)| RedirectUri::check(&format!("/redirect_uris/{at}"), text);
    texts.iter().enumerate().map(one).collect()
}

/// The ways to tokens, one of which leads to the first.
pub fn check_grants(grants: &[GrantType]) -> Result<Vec<GrantType>, FieldError> {
    let mut grants = grants.to_vec();
    grants.sort_unstable();
    grants.dedup();
    if grants.iter().any(|grant| *grant != GrantType::RefreshToken) {
        Ok(grants)
    } else {
        let rule = "must name authorization_code or urn:ietf:params:oauth:grant-type:device_code";
        Err(FieldError::new("/grant_types", rule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_one_spelling() {
        assert_eq!(parse_id("yunshu-cli"), Some(CLI));
        assert_eq!(parse_id(&CLI.to_string()), None);
        let id = OauthClientId::mint();
        assert_eq!(parse_id(&wire_id(id)), Some(id));
        assert_eq!(
            parse_id(&id.to_string().to_uppercase()).map(wire_id),
            Some(id.to_string())
        );
        assert!(parse_id("").is_none() && parse_id("someone").is_none());
    }

    #[test]
    fn our_own_command_line_serves_everybody_and_is_no_web_page() {
        let cli = Client::built_in(CLI).unwrap();
        assert!(cli.serves(TenantId::mint()) && !cli.may(GrantType::AuthorizationCode));
        assert!(!cli.answers_at("http://127.0.0.1:1/cb"));
        assert!(Client::built_in(OauthClientId::mint()).is_none());
    }

    #[test]
    fn codes_need_a_place_to_go_and_nothing_else_has_one() {
        use GrantType::{AuthorizationCode, DeviceCode, RefreshToken};
        let uri = ["https://app.example/cb".to_owned()];
        assert!(check_uris(&uri, &[AuthorizationCode]).is_ok());
        assert!(check_uris(&[], &[AuthorizationCode]).is_err());
        assert!(check_uris(&uri, &[DeviceCode]).is_err());
        assert!(check_grants(&[RefreshToken]).is_err() && check_grants(&[]).is_err());
        assert_eq!(
            check_grants(&[DeviceCode, RefreshToken, DeviceCode]).unwrap(),
            [RefreshToken, DeviceCode]
        );
    }
}
