//! Entries of the log, and how what they tell is kept from the disk.

use chrono::{DateTime, Utc};
use crypto::{Kek, Place, Unreadable};
use db::AuditOutcome;
use ids::{EventId, RequestId, TenantId};
use serde_json::Value;

/// An entry as it is kept.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Whose log it is in.
    pub tenant: TenantId,
    /// Its id.
    pub id: EventId,
    /// Its number in the tenant's log: 1, 2, 3 and so on, without gaps.
    pub seq: i64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who.
    pub actor: String,
    /// With which credential.
    pub credential: Option<String>,
    /// What.
    pub action: String,
    /// On what.
    pub object: String,
    /// How it ended.
    pub outcome: String,
    /// From where.
    pub ip: Option<String>,
    /// In which request.
    pub request_id: RequestId,
    /// What changed, sealed.
    pub sealed: Vec<u8>,
}

impl Entry {
    /// What changed. None if it does not open: it was tampered with, or its key is gone. The alarm is raised here, and
    /// the rest of the log can still be read.
    pub fn changes(&self, kek: &Kek) -> Option<Value> {
        let opened = kek
            .open_sealed(&place(self.tenant, &self.id.to_string()), &self.sealed)
            .ok();
        let changes = opened.and_then(|plain| serde_json::from_slice(&plain).ok());
        if changes.is_none() {
            tracing::error!(tenant = %self.tenant, seq = self.seq, "an audit entry cannot be decrypted");
        }
        changes
    }
}

/// Seals the changes of an entry for its row.
pub fn seal(kek: &Kek, tenant: TenantId, id: EventId, changes: &Value) -> Result<Vec<u8>, Unreadable> {
    kek.seal(&place(tenant, &id.to_string()), changes.to_string().as_bytes())
}

fn place(tenant: TenantId, row: &str) -> Place<'_> {
    Place {
        tenant,
        table: "audit.events",
        column: "changes",
        row,
    }
}

/// The outcome's word in table and answers.
pub const fn word(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Success => "success",
        AuditOutcome::Denied => "denied",
        AuditOutcome::Failed => "failed",
    }
}
