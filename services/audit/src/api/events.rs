//! The log's entries: wire types and endpoints.

pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{EventId, IdOrName, RequestId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::entry::{Entry, Opened};

/// An entry's path.
#[derive(Debug, Deserialize)]
pub struct OfLog {
    /// Id, or number in the log.
    pub event: IdOrName<EventId>,
}

/// One entry of the audit log.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditEventView {
    /// Its id.
    pub id: EventId,
    /// Its number in the tenant's log: 1, 2, 3 and so on, without gaps.
    #[schema(example = 17)]
    pub seq: i64,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Who acted: `user:<id>`, `service_account:<id>`, `system:<name>`, or `operator:<id>` for somebody of the platform.
    #[schema(example = "user:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub actor: String,
    /// With which credential: `session:<id>`, `api_key:<id>` or `operator_access:<id>`. Null for workers and whoever was not signed in.
    #[schema(example = "api_key:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b4")]
    pub credential: Option<String>,
    /// What was done or tried.
    #[schema(example = "vm.create")]
    pub action: String,
    /// On what. A refusal names the path that was asked for.
    #[schema(example = "vm:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub object: String,
    /// How it ended: `success`, `denied` or `failed`.
    #[schema(example = "success")]
    pub outcome: String,
    /// From which address, as the gateway saw it.
    #[schema(example = "192.0.2.7")]
    pub ip: Option<String>,
    /// In which request.
    pub request_id: RequestId,
    /// What changed, as `{field: {before, after}}`; for a refusal its code; for a reading what was asked for. Where a
    /// platform operator acted by an access, `operator_access` says which, of what kind and why. Null where it cannot be
    /// decrypted, or was erased.
    #[schema(value_type = Option<Object>, example = json!({"name": {"before": "shop", "after": "store"}}))]
    pub changes: Option<serde_json::Value>,
    /// Was it erased because it is older than the tenant keeps it? Then `changes` and `ip` are null, and every proof still holds.
    pub erased: bool,
    /// When it happened, as every item says it.
    pub created_at: DateTime<Utc>,
    /// The same: entries never change.
    pub updated_at: DateTime<Utc>,
}

impl AuditEventView {
    /// The entry as it is shown.
    pub fn of(entry: Entry, opened: Option<Opened>) -> Self {
        let erased = entry.is_erased();
        let (changes, ip) = match opened {
            Some(opened) => (Some(opened.content.changes), opened.content.ip),
            None => (None, None),
        };
        Self {
            changes,
            erased,
            id: entry.id,
            seq: entry.seq,
            time: entry.time,
            actor: entry.actor,
            credential: entry.credential,
            action: entry.action,
            object: entry.object,
            outcome: entry.outcome,
            ip,
            request_id: entry.request_id,
            created_at: entry.time,
            updated_at: entry.time,
        }
    }
}

impl db::Subject for AuditEventView {
    fn object(&self) -> String {
        format!("audit:{}", self.seq)
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.id))
    }
}
