//! Legal holds on the log: wire types and endpoints.

pub mod create;
pub mod lift;
pub mod list;

use chrono::{DateTime, Utc};
use ids::AuditHoldId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::retention::Hold;

/// A hold's path.
#[derive(Debug, Deserialize)]
pub struct OfHold {
    /// Its id.
    pub hold: AuditHoldId,
}

/// While it is on, nothing is erased from the tenant's log, however old.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditHoldView {
    /// Its id.
    pub id: AuditHoldId,
    /// What it is called.
    #[schema(example = "Case 2026-17")]
    pub name: String,
    /// Why it is.
    #[schema(example = "Asked for by the court")]
    pub reason: String,
    /// Who set it.
    #[schema(example = "user:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub created_by: String,
    /// Since when it is on.
    pub created_at: DateTime<Utc>,
    /// Who lifted it; null while it is on.
    pub lifted_by: Option<String>,
    /// When it was lifted; null while it is on.
    pub lifted_at: Option<DateTime<Utc>>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<Hold> for AuditHoldView {
    fn from(hold: Hold) -> Self {
        let (lifted_at, lifted_by) = hold.lifted.unzip();
        Self {
            id: hold.id,
            name: hold.name,
            reason: hold.reason,
            created_by: hold.created_by,
            created_at: hold.created_at,
            updated_at: lifted_at.unwrap_or(hold.created_at),
            lifted_by,
            lifted_at,
        }
    }
}

impl db::Subject for AuditHoldView {
    fn object(&self) -> String {
        format!("audit_hold:{}", self.id)
    }
}
