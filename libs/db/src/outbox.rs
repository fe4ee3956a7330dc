use chrono::{DateTime, Utc};
use crypto::KeyError;
use ids::{EventId, ProjectId, RequestId, TenantId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::Result;
use crate::sealing::{Plain, SEALED, Sealer};

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

/// What a row will tell.
pub(crate) struct Draft {
    pub id: EventId,
    pub kind: &'static str,
    pub version: u32,
    pub subject: String,
    pub project: Option<ProjectId>,
    pub data: serde_json::Value,
}

/// A row to be.
pub(crate) struct Row {
    pub tenant: TenantId,
    pub draft: Draft,
    pub time: DateTime<Utc>,
    /// None for workers.
    pub request: Option<RequestId>,
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

    /// The row of entries has the first one's id, and nothing else of them in the open.
    pub fn audit(sealer: &Sealer, tenant: TenantId, entries: &[&Plain]) -> Result<Self, KeyError> {
        let first = entries.first().ok_or(KeyError::Unreadable)?.id;
        Ok(Self {
            id: first,
            kind: AUDIT,
            version: SEALED,
            subject: format!("entry:{first}"),
            project: None,
            data: sealer.seal((tenant, first), entries)?,
        })
    }

    pub const fn of_tenant(self, tenant: TenantId, (time, request): (DateTime<Utc>, Option<RequestId>)) -> Row {
        Row {
            tenant,
            draft: self,
            time,
            request,
        }
    }
}

/// Writes rows in their order, however many in one statement.
pub(crate) async fn insert<'a, R>(sql: &mut PgConnection, rows: R) -> Result<()>
where
    R: IntoIterator<Item = &'a Row>,
{
    let rows: Vec<&Row> = rows.into_iter().collect();
    if rows.is_empty() {
        return Ok(());
    }
    let drafts = || rows.iter().map(|row| &row.draft);
    let version = |draft: &Draft| i32::try_from(draft.version).unwrap_or(i32::MAX);
    sqlx::query(
        "insert into bus.outbox (tenant_id, event_id, kind, version, subject, project_id, data, time, request_id)
         select tenant_id, event_id, kind, version, subject, project_id, data, time, request_id
         from unnest($1::uuid[], $2::uuid[], $3::text[], $4::integer[], $5::text[], $6::uuid[], $7::jsonb[],
                     $8::timestamptz[], $9::uuid[]) with ordinality
              as r (tenant_id, event_id, kind, version, subject, project_id, data, time, request_id, place)
         order by place",
    )
    .bind(rows.iter().map(|row| row.tenant).collect::<Vec<_>>())
    .bind(drafts().map(|draft| draft.id).collect::<Vec<_>>())
    .bind(drafts().map(|draft| draft.kind).collect::<Vec<_>>())
    .bind(drafts().map(version).collect::<Vec<_>>())
    .bind(drafts().map(|draft| draft.subject.as_str()).collect::<Vec<_>>())
    .bind(drafts().map(|draft| draft.project).collect::<Vec<_>>())
    .bind(drafts().map(|draft| Json(&draft.data)).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.time).collect::<Vec<_>>())
    .bind(rows.iter().map(|row| row.request).collect::<Vec<_>>())
    .execute(sql)
    .await?;
    Ok(())
}
