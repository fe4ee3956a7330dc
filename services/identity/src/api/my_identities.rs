//! Who the caller is at identity providers: wire types and endpoints.

pub mod confirm;
pub mod link;
pub mod list;
pub mod unlink;

use chrono::{DateTime, Utc};
use db::Subject;
use ids::ExternalIdentityId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::provider::ExternalIdentity;

/// One of the caller's identities.
#[derive(Debug, Deserialize)]
pub struct InIdentity {
    identity: ExternalIdentityId,
}

/// Who the caller is at a provider: they may sign in by it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkedIdentity {
    /// Its id.
    pub id: ExternalIdentityId,
    /// The provider's name.
    #[schema(example = "corporate")]
    pub provider: String,
    /// What people are shown of it.
    #[schema(example = "Example Corp.")]
    pub provider_display_name: String,
    /// The provider's own name for the caller.
    #[schema(example = "248289761001")]
    pub subject: String,
    /// When the caller last signed in by it.
    pub used_at: Option<DateTime<Utc>>,
    /// When it was linked.
    pub created_at: DateTime<Utc>,
    /// The same: a link never changes.
    pub updated_at: DateTime<Utc>,
}

impl From<&ExternalIdentity> for LinkedIdentity {
    fn from(of: &ExternalIdentity) -> Self {
        Self {
            id: of.id,
            provider: of.provider.clone(),
            provider_display_name: of.provider_display_name.clone(),
            subject: of.subject.clone(),
            used_at: of.used_at,
            created_at: of.created_at,
            updated_at: of.created_at,
        }
    }
}

impl Subject for LinkedIdentity {
    fn object(&self) -> String {
        format!("external_identity:{}", self.id)
    }

    /// The log outlives the person: who they are elsewhere is not in it.
    fn record(&self) -> Value {
        json!({"id": self.id, "provider": self.provider})
    }
}
