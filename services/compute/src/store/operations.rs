//! `compute.operations`.

use auth::Action;
use auth::action::operation;
use chrono::{DateTime, Utc};
use db::{Change, Granted, Read, Result, SystemTx, Tenant};
use ids::{OperationId, ProjectId, TenantId, VmId};
use sqlx::types::Json;
use web::{Sort, Window};

use crate::operation::{Kind, Operation, Progress};
use crate::vm::{LastError, Vm};

#[derive(sqlx::FromRow)]
struct OperationRow {
    tenant_id: TenantId,
    operation_id: OperationId,
    project_id: ProjectId,
    kind: String,
    vm_id: VmId,
    status: String,
    error: Option<Json<LastError>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl From<OperationRow> for Operation {
    fn from(row: OperationRow) -> Self {
        Self {
            tenant: row.tenant_id,
            id: row.operation_id,
            project: row.project_id,
            kind: row.kind,
            vm: row.vm_id,
            progress: Progress::named(&row.status).unwrap_or(Progress::Queued),
            error: row.error.map(|error| error.0),
            created_at: row.created_at,
            updated_at: row.updated_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        }
    }
}

/// Writes a new operation on a machine; whatever was still open on it is cancelled: the newer wish holds.
pub async fn insert<A: Action>(tx: &mut Change<A>, vm: &Vm, kind: Kind) -> Result<OperationId> {
    let (id, now) = (OperationId::mint(), tx.now());
    if kind != Kind::Create {
        supersede(tx, vm).await?;
    }
    let placed = vm.seat.host.is_some();
    sqlx::query(
        "insert into compute.operations (tenant_id, operation_id, project_id, kind, vm_id, generation, status, created_at,
                                         updated_at, started_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)",
    )
    .bind(vm.tenant)
    .bind(id)
    .bind(vm.project)
    .bind(kind.name())
    .bind(vm.id)
    .bind(vm.intent.generation)
    .bind(if placed { Progress::Running.name() } else { Progress::Queued.name() })
    .bind(now)
    .bind(placed.then_some(now))
    .execute(tx.sql())
    .await?;
    Ok(id)
}

async fn supersede<A: Action>(tx: &mut Change<A>, vm: &Vm) -> Result<()> {
    let (error, now) = (
        LastError::new("superseded", "A newer operation on the same machine took its place."),
        tx.now(),
    );
    sqlx::query(
        "update compute.operations set status = 'cancelled', error = $3, finished_at = $4, updated_at = $4
         where tenant_id = $1 and vm_id = $2 and finished_at is null",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(Json(error))
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// A host was found: what was queued runs.
pub async fn start(tx: &mut SystemTx, tenant: TenantId, vm: VmId) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "update compute.operations set status = 'running', started_at = $3, updated_at = $3
         where tenant_id = $1 and vm_id = $2 and status = 'queued'",
    )
    .bind(tenant)
    .bind(vm)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Ends what is open on a machine up to the generation that was reached or given up.
pub async fn end(
    tx: &mut SystemTx,
    (tenant, vm): (TenantId, VmId),
    up_to: i64,
    failure: Option<&LastError>,
) -> Result<()> {
    let now = tx.now();
    let status = if failure.is_some() {
        Progress::Failed
    } else {
        Progress::Succeeded
    };
    sqlx::query(
        "update compute.operations
         set status = $4, error = $5, finished_at = $6, updated_at = $6, started_at = coalesce(started_at, $6)
         where tenant_id = $1 and vm_id = $2 and finished_at is null and generation <= $3",
    )
    .bind(tenant)
    .bind(vm)
    .bind(up_to)
    .bind(status.name())
    .bind(failure.map(Json))
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// One operation, if there is one and the caller may read its project.
pub async fn lookup(
    tx: &mut Read<operation::Read>,
    id: OperationId,
) -> Result<Granted<Operation, operation::Read>, fault::Error> {
    let tenant = tx.tenant_id();
    let row: Option<OperationRow> =
        sqlx::query_as("select * from compute.operations where tenant_id = $1 and operation_id = $2")
            .bind(tenant)
            .bind(id)
            .fetch_optional(tx.sql())
            .await
            .map_err(db::Error::from)?;
    let row = row.ok_or_else(|| fault::Error::not_found("operation"))?;
    tx.grant(Operation::from(row))
}

/// What a list is narrowed to.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// How far they got.
    pub status: Option<&'a str>,
    /// On this machine.
    pub vm: Option<VmId>,
    /// Only in these projects; none means all.
    pub visible: Option<&'a [ProjectId]>,
}

/// A window of the tenant's operations, by age.
pub async fn list(
    tx: &mut Read<operation::List>,
    tenant: &Granted<Tenant, operation::List>,
    filter: &Filter<'_>,
    sort: Sort,
    window: &Window,
) -> Result<Vec<Operation>, fault::Error> {
    let sql = match sort {
        Sort::CreatedAt | Sort::Name => {
            "select * from compute.operations
             where tenant_id = $1 and ($2::text is null or status = $2) and ($3::uuid is null or vm_id = $3)
               and ($4::uuid[] is null or project_id = any($4)) and ($5::uuid is null or operation_id > $5)
             order by operation_id limit $6"
        }
        Sort::CreatedAtDescending | Sort::NameDescending => {
            "select * from compute.operations
             where tenant_id = $1 and ($2::text is null or status = $2) and ($3::uuid is null or vm_id = $3)
               and ($4::uuid[] is null or project_id = any($4)) and ($5::uuid is null or operation_id < $5)
             order by operation_id desc limit $6"
        }
    };
    let rows: Vec<OperationRow> = sqlx::query_as(sql)
        .bind(tenant.id)
        .bind(filter.status)
        .bind(filter.vm)
        .bind(filter.visible)
        .bind(window.after::<OperationId>(0)?)
        .bind(window.fetch())
        .fetch_all(tx.sql())
        .await
        .map_err(db::Error::from)?;
    Ok(rows.into_iter().map(Operation::from).collect())
}
