//! The tenant's OAuth 2.0 clients: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;
pub mod renew_secret;

use chrono::{DateTime, Utc};
use ids::OauthClientId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::oauth::Client;
use crate::oauth::client::{ClientKind, GrantType};
use crate::oauth::jwk::PublicJwks;
use crate::oauth::redirect::RedirectUri;

/// A client's path.
#[derive(Debug, Deserialize)]
pub struct InClient {
    /// Its id.
    pub client: OauthClientId,
}

/// A program that people of the tenant may let act for them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OauthClientView {
    /// Its id: what it sends as `client_id`.
    pub id: OauthClientId,
    /// What people are told it is, unique in the tenant.
    #[schema(example = "Grafana")]
    pub name: String,
    /// Can it keep a secret?
    pub kind: ClientKind,
    /// Where answers may go.
    #[schema(example = json!(["https://app.example/callback"]))]
    pub redirect_uris: Vec<String>,
    /// Its ways to tokens.
    #[schema(example = json!(["authorization_code", "refresh_token"]))]
    pub grant_types: Vec<GrantType>,
    /// What it may be let in for: names of actions such as `vm.read`, `openid`, `profile`, `email`.
    #[schema(example = json!(["email", "openid", "vm.read"]))]
    pub scopes: Vec<String>,
    /// The public keys that it proves itself with, if it has no secret.
    pub jwks: Option<PublicJwks>,
    /// Is it let in at all?
    #[schema(example = true)]
    pub enabled: bool,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Client> for OauthClientView {
    fn from(client: &Client) -> Self {
        let uri = |uri: &RedirectUri| uri.as_str().to_owned();
        Self {
            id: client.id,
            name: client.name.clone(),
            kind: client.kind,
            redirect_uris: client.redirect_uris.iter().map(uri).collect(),
            grant_types: client.grant_types.clone(),
            scopes: client.scopes.names().to_vec(),
            jwks: client.jwks.clone(),
            enabled: client.enabled,
            generation: client.generation,
            created_at: client.created_at,
            updated_at: client.updated_at,
        }
    }
}

impl db::Subject for OauthClientView {
    fn object(&self) -> String {
        format!("oauth_client:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/oauth-clients/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}

/// A client with its new secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct OauthClientSecret {
    /// What it proves itself with; null for a public client and for one with keys.
    #[schema(example = "yos_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJG")]
    pub client_secret: Option<String>,
    /// What there is to know of it later.
    pub client: OauthClientView,
}

impl db::Subject for OauthClientSecret {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.client.object()
    }

    fn record(&self) -> serde_json::Value {
        self.client.record()
    }

    fn location(&self) -> Option<String> {
        self.client.location()
    }

    fn etag(&self) -> Option<String> {
        self.client.etag()
    }
}
