//! By what service accounts prove themselves for access tokens: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;

use chrono::{DateTime, Utc};
use db::Subject;
use ids::{AccountCredentialId, IdOrName, ServiceAccountId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::account::credential::{Credential, What};
use crate::oauth::jwk::PublicJwk;

/// A credential's path.
#[derive(Debug, Deserialize)]
pub struct InCredential {
    /// Id or name of the account.
    pub account: IdOrName<ServiceAccountId>,
    /// Id of the credential.
    pub credential: AccountCredentialId,
}

/// What a credential is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// A secret that both sides know; here by its hash.
    Secret,
    /// A key whose private half only the account has.
    Key,
}

/// A credential, without its secret.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AccountCredentialView {
    /// Its id.
    pub id: AccountCredentialId,
    /// What people call it.
    #[schema(example = "nightly backup")]
    pub name: String,
    /// What it is.
    pub kind: CredentialKind,
    /// The public key, if it is one.
    pub jwk: Option<PublicJwk>,
    /// When it ends, if not removed before.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The same: it never changes.
    pub updated_at: DateTime<Utc>,
}

impl From<&Credential> for AccountCredentialView {
    fn from(credential: &Credential) -> Self {
        let (kind, jwk) = match &credential.what {
            What::Secret(_) => (CredentialKind::Secret, None),
            What::Key(jwk) => (CredentialKind::Key, Some(jwk.clone())),
        };
        Self {
            id: credential.id,
            name: credential.name.clone(),
            kind,
            jwk,
            expires_at: credential.expires_at,
            created_at: credential.created_at,
            updated_at: credential.created_at,
        }
    }
}

impl Subject for AccountCredentialView {
    fn object(&self) -> String {
        format!("account_credential:{}", self.id)
    }
}

/// A new credential, with its secret, which is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct AccountCredentialSecret {
    /// What the account sends as `client_id`.
    pub client_id: ServiceAccountId,
    /// What it sends as `client_secret`; null for a key.
    #[schema(example = "yss_AZLwwS0-eksMjV5uf4CRorMBkvDBLT56SwyNXm5_gJG")]
    pub client_secret: Option<String>,
    /// What there is to know of it later.
    pub credential: AccountCredentialView,
}

impl Subject for AccountCredentialSecret {
    const SECRET: bool = true;

    fn object(&self) -> String {
        self.credential.object()
    }

    fn record(&self) -> serde_json::Value {
        self.credential.record()
    }
}
