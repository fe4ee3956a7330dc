//! The caller's tenant.

pub mod delete;
pub mod read;

use chrono::{DateTime, Utc};
use ids::TenantId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::tenants::OwnRecord;

/// The caller's tenant.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantView {
    /// Its id.
    pub id: TenantId,
    /// Its name, by which its people sign in.
    #[schema(example = "acme")]
    pub name: String,
    /// What it is called.
    #[schema(example = "Acme Inc.")]
    pub display_name: String,
    /// When it signed up.
    pub created_at: DateTime<Utc>,
    /// When its own record last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<OwnRecord> for TenantView {
    fn from(record: OwnRecord) -> Self {
        Self {
            id: record.tenant_id,
            name: record.name,
            display_name: record.display_name,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl db::Subject for TenantView {
    fn object(&self) -> String {
        format!("tenant:{}", self.id)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.updated_at.timestamp_micros()))
    }
}
