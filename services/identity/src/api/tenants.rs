//! Tenants as the platform's operators see them: that they are there and how large, and nothing of what is in them.

pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{IdOrName, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::store::tenants::TenantRecord;

/// A tenant's path.
#[derive(Debug, Deserialize)]
pub struct OfTenant {
    /// Id or name.
    pub tenant: IdOrName<TenantId>,
}

/// A tenant, from outside.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct TenantRecordView {
    /// Its id.
    pub id: TenantId,
    /// Its name, by which its people sign in.
    #[schema(example = "acme")]
    pub name: String,
    /// What it is called.
    #[schema(example = "Acme Inc.")]
    pub display_name: String,
    /// Can somebody sign in who owns it, or may appoint an owner?
    #[schema(example = true)]
    pub has_owner: bool,
    /// How many people it has.
    #[schema(example = 12)]
    pub users: i64,
    /// How many service accounts.
    #[schema(example = 3)]
    pub service_accounts: i64,
    /// How many projects.
    #[schema(example = 2)]
    pub projects: i64,
    /// When it signed up.
    pub created_at: DateTime<Utc>,
    /// When its own record last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<TenantRecord> for TenantRecordView {
    fn from(record: TenantRecord) -> Self {
        Self {
            id: record.tenant_id,
            name: record.name,
            display_name: record.display_name,
            has_owner: record.has_owner,
            users: record.users,
            service_accounts: record.service_accounts,
            projects: record.projects,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl db::Subject for TenantRecordView {
    fn object(&self) -> String {
        format!("tenant:{}", self.id)
    }
}
