use chrono::{DateTime, Utc};
use ids::{EventId, ProjectId, RequestId, TenantId};
use sqlx::PgConnection;

use crate::{AuditEvent, Result};

/// The kind of the rows that carry audit entries. They are for the audit service alone.
pub const AUDIT: &str = "audit.recorded";

/// Something that happened, in the past tense.
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
            kind: E::KIND,
            version: E::VERSION,
            subject: event.subject(),
            project: event.project(),
            data,
        })
    }

    pub fn audit(event: &AuditEvent) -> Result<Self, fault::Error> {
        let data = serde_json::to_value(event).map_err(fault::Error::internal)?;
        Ok(Self {
            kind: AUDIT,
            version: 1,
            subject: event.object.clone(),
            project: None,
            data,
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
        .bind(EventId::mint())
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
