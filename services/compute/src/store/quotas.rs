//! `compute.quotas`.
//!
//! Use is claimed by one conditional update in the transaction of the machine that uses it, and given back in the one that
//! removes it. Nobody reads, compares and then writes: between the two somebody else would do the same.

use auth::Action;
use auth::action::{quota, vm};
use db::{Change, Granted, Platform, Read, Result, SystemTx, Tenant};
use ids::TenantId;
use scope::Project;

use crate::quota::{Limits, Quota, Used};
use crate::vm::Size;

#[derive(sqlx::FromRow)]
struct QuotaRow {
    vms_limit: i32,
    vcpus_limit: i32,
    memory_mib_limit: i64,
    disk_gib_limit: i64,
    vms_used: i32,
    vcpus_used: i32,
    memory_mib_used: i64,
    disk_gib_used: i64,
    version: i64,
}

impl From<QuotaRow> for Quota {
    fn from(row: QuotaRow) -> Self {
        Self {
            limits: Limits {
                vms: row.vms_limit,
                vcpus: row.vcpus_limit,
                memory_mib: row.memory_mib_limit,
                disk_gib: row.disk_gib_limit,
            },
            used: Used {
                vms: row.vms_used,
                vcpus: row.vcpus_used,
                memory_mib: row.memory_mib_used,
                disk_gib: row.disk_gib_used,
            },
            version: row.version,
        }
    }
}

/// Claims one machine of this size, or says what is short.
pub async fn claim(
    tx: &mut Change<vm::Create>,
    project: &Granted<Project, vm::Create>,
    size: Size,
    defaults: &Limits,
) -> Result<(), fault::Error> {
    if raise(tx, project.tenant, size).await? {
        return Ok(());
    }
    // There is not enough, or this is the tenant's first claim.
    begin(tx, project.tenant, defaults).await?;
    if raise(tx, project.tenant, size).await? {
        return Ok(());
    }
    let quota = fetch(tx, project.tenant)
        .await?
        .unwrap_or_else(|| Quota::untouched(*defaults));
    Err(quota.refusal(size))
}

async fn raise(tx: &mut Change<vm::Create>, tenant: TenantId, size: Size) -> Result<bool> {
    let raised = sqlx::query(
        "update compute.quotas
         set vms_used = vms_used + 1, vcpus_used = vcpus_used + $2, memory_mib_used = memory_mib_used + $3,
             disk_gib_used = disk_gib_used + $4
         where tenant_id = $1 and vms_used + 1 <= vms_limit and vcpus_used + $2 <= vcpus_limit
           and memory_mib_used + $3 <= memory_mib_limit and disk_gib_used + $4 <= disk_gib_limit",
    )
    .bind(tenant)
    .bind(size.vcpus)
    .bind(i64::from(size.memory_mib))
    .bind(i64::from(size.disk_gib))
    .execute(tx.sql())
    .await?;
    Ok(raised.rows_affected() == 1)
}

/// Gives back what one machine of this size used.
pub async fn release(tx: &mut SystemTx, tenant: TenantId, size: Size) -> Result<()> {
    sqlx::query(
        "update compute.quotas
         set vms_used = vms_used - 1, vcpus_used = vcpus_used - $2, memory_mib_used = memory_mib_used - $3,
             disk_gib_used = disk_gib_used - $4
         where tenant_id = $1",
    )
    .bind(tenant)
    .bind(size.vcpus)
    .bind(i64::from(size.memory_mib))
    .bind(i64::from(size.disk_gib))
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The tenant's own quota; none before its first claim.
pub async fn lookup(tx: &mut Read<quota::Read>, tenant: &Granted<Tenant, quota::Read>) -> Result<Option<Quota>> {
    fetch(tx, tenant.id).await
}

/// Any tenant's quota, for the platform's operators; 404 when there is no such tenant.
pub async fn lookup_any(
    tx: &mut Read<quota::Modify>,
    platform: &Granted<Platform, quota::Modify>,
    tenant: TenantId,
    defaults: &Limits,
) -> Result<Quota, fault::Error> {
    let home = enter(tx, platform, tenant).await?;
    let quota = fetch(tx, tenant).await?;
    leave(tx, home).await?;
    Ok(quota.unwrap_or_else(|| Quota::untouched(*defaults)))
}

/// Takes any tenant's quota for a change of its limits, for the platform's operators: nothing is claimed, and nobody else
/// changes it, before the end of the transaction. 404 when there is no such tenant.
pub async fn hold_any(
    tx: &mut Change<quota::Modify>,
    platform: &Granted<Platform, quota::Modify>,
    tenant: TenantId,
    defaults: &Limits,
) -> Result<Quota, fault::Error> {
    let home = enter(tx, platform, tenant).await?;
    let is_new = begin(tx, tenant, defaults).await?;
    let row: QuotaRow = sqlx::query_as("select * from compute.quotas where tenant_id = $1 for update")
        .bind(tenant)
        .fetch_one(tx.sql())
        .await
        .map_err(db::Error::from)?;
    leave(tx, home).await?;
    // Whoever read it before there was a row read the defaults.
    Ok(if is_new {
        Quota::untouched(*defaults)
    } else {
        row.into()
    })
}

/// Sets the limits of a held quota. Limits below what is used are lawful: nothing more is claimed.
pub async fn set_limits(
    tx: &mut Change<quota::Modify>,
    platform: &Granted<Platform, quota::Modify>,
    tenant: TenantId,
    limits: &Limits,
) -> Result<Quota, fault::Error> {
    let home = enter(tx, platform, tenant).await?;
    let now = tx.now();
    let row: QuotaRow = sqlx::query_as(
        "update compute.quotas
         set vms_limit = $2, vcpus_limit = $3, memory_mib_limit = $4, disk_gib_limit = $5, version = version + 1,
             updated_at = $6
         where tenant_id = $1 returning *",
    )
    .bind(tenant)
    .bind(limits.vms)
    .bind(limits.vcpus)
    .bind(limits.memory_mib)
    .bind(limits.disk_gib)
    .bind(now)
    .fetch_one(tx.sql())
    .await
    .map_err(db::Error::from)?;
    leave(tx, home).await?;
    Ok(row.into())
}

/// Writes the tenant's row, unless there is one; says whether it did.
async fn begin<A: Action>(tx: &mut Change<A>, tenant: TenantId, limits: &Limits) -> Result<bool> {
    let now = tx.now();
    let done = sqlx::query(
        "insert into compute.quotas (tenant_id, vms_limit, vcpus_limit, memory_mib_limit, disk_gib_limit, created_at,
                                     updated_at)
         values ($1, $2, $3, $4, $5, $6, $6) on conflict do nothing",
    )
    .bind(tenant)
    .bind(limits.vms)
    .bind(limits.vcpus)
    .bind(limits.memory_mib)
    .bind(limits.disk_gib)
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

async fn fetch<A: Action>(tx: &mut Read<A>, tenant: TenantId) -> Result<Option<Quota>> {
    let row: Option<QuotaRow> = sqlx::query_as("select * from compute.quotas where tenant_id = $1")
        .bind(tenant)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row.map(Quota::from))
}

/// The one door through row security: an operator's transaction looks at one named tenant's row and then returns to its
/// own, so that the audit entry of the same commit stands in the operator's log. The grant is the proof of the right.
async fn enter<A: Action>(
    tx: &mut Read<A>,
    _platform: &Granted<Platform, A>,
    tenant: TenantId,
) -> Result<TenantId, fault::Error> {
    let home = tx.tenant_id();
    become_tenant(tx, tenant).await?;
    let known: bool = sqlx::query_scalar("select exists (select from identity.tenants where tenant_id = $1)")
        .bind(tenant)
        .fetch_one(tx.sql())
        .await
        .map_err(db::Error::from)?;
    if known {
        Ok(home)
    } else {
        Err(fault::Error::not_found("tenant"))
    }
}

async fn leave<A: Action>(tx: &mut Read<A>, home: TenantId) -> Result<()> {
    become_tenant(tx, home).await
}

async fn become_tenant<A: Action>(tx: &mut Read<A>, tenant: TenantId) -> Result<()> {
    sqlx::query("select set_config('app.tenant', $1, true)")
        .bind(tenant.to_string())
        .execute(tx.sql())
        .await?;
    Ok(())
}
