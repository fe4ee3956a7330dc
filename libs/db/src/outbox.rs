use chrono::{DateTime, Utc};
use ids::{EventId, ProjectId, RequestId, TenantId};
use sqlx::PgConnection;

use crate::sealing::{SEALED, Sealer};
use crate::{AuditEvent, Result};

/// The kind of the rows that carry audit entries. They are for the audit service alone.
pub const AUDIT: &str = "audit.recorded";

/// Something that happened, in the past tense.
///
/// Its data lies open on the bus, for the tenant's own streams: it holds what a reader of the object sees, and neither a
/// secret nor anything of a person but ids. What must say more is an audit entry, which is sealed.
pub trait Event: serde::Serialize {
    /// `resource.happened`, e.g. `vm.created`.
    const KIND: &'static str;

    /// The shape of its data. A change that readers of the old shape would misunderstand raises it; a field more does not.
    const VERSION: u32 = 1;

    /// What it happened to, e.g. `vm:0192…`. Events of one subject are delivered in order.
    fn subject(&self) -> String;

    /// The project it belongs to, if it belongs to one: who may read the project may hear of it.
    fn project(&self) -> Option<ProjectId>;
}

/// A row to be.
pub(crate) struct Draft {
    pub id: EventId,
    pub kind: &'static str,
    pub version: u32,
    pub subject: String,
    pub project: Option<ProjectId>,
    pub data: serde_json::Value,
}

impl Draft {
    pub fn of<E: Event>(event: &E) -> Result<Self, fault::Error> {
        let data = serde_json::to_value(event).map_err(fault::Error::internal)?;
        Ok(Self {
            id: EventId::mint(),
            kind: E::KIND,
            version: E::VERSION,
            subject: event.subject(),
            project: event.project(),
            data,
        })
    }

    /// The row of an entry has the entry's own id, and nothing else of it in the open.
    pub fn audit(sealer: &Sealer, tenant: TenantId, entry: &AuditEvent) -> Result<Self, fault::Error> {
        Ok(Self {
            id: entry.id,
            kind: AUDIT,
            version: SEALED,
            subject: format!("entry:{}", entry.id),
            project: None,
            data: sealer.seal(tenant, entry)?,
        })
    }
}

pub(crate) async fn insert(
    sql: &mut PgConnection,
    tenant: TenantId,
    (time, request): (DateTime<Utc>, Option<RequestId>),
    drafts: &[Draft],
) -> Result<()> {
    for draft in drafts {
        sqlx::query(
            "insert into bus.outbox (tenant_id, event_id, kind, version, subject, project_id, data, time, request_id)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(tenant)
        .bind(draft.id)
        .bind(draft.kind)
        .bind(i32::try_from(draft.version).unwrap_or(i32::MAX))
        .bind(&draft.subject)
        .bind(draft.project)
        .bind(&draft.data)
        .bind(time)
        .bind(request)
        .execute(&mut *sql)
        .await?;
    }
    Ok(())
}
