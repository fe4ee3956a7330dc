//! What the placer reads and writes: machines that wait, hosts as they look, decisions.

use auth::Action;
use auth::action::vm;
use chrono::{DateTime, Utc};
use db::{Granted, Read, Result, SystemTx};
use ids::{HostId, PoolId, ProjectId, TenantId, VmId};
use sqlx::PgConnection;
use sqlx::types::Json;

use crate::placement::{HostSnapshot, Need, Policy, Record};
use crate::vm::{LastError, SILENT_AFTER_S, Size, Vm};

/// A machine without a host, claimed by a placer under this epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Waiting {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: VmId,
    /// Its project: groups are named within one.
    pub project: ProjectId,
    /// The attempt; a newer one makes this one void.
    pub epoch: i64,
    /// What it needs.
    pub need: Need,
    /// Its group.
    pub group: Option<String>,
}

#[derive(sqlx::FromRow)]
struct WaitingRow {
    tenant_id: TenantId,
    vm_id: VmId,
    project_id: ProjectId,
    placement_epoch: i64,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
    pool_id: Option<PoolId>,
    policy: Option<String>,
    placement_group: Option<String>,
}

impl From<WaitingRow> for Waiting {
    fn from(row: WaitingRow) -> Self {
        let size = Size {
            vcpus: row.vcpus,
            memory_mib: row.memory_mib,
            disk_gib: row.disk_gib,
        };
        let policy = row.policy.as_deref().and_then(Policy::named);
        Self {
            tenant: row.tenant_id,
            id: row.vm_id,
            project: row.project_id,
            epoch: row.placement_epoch,
            need: Need {
                size,
                pool: row.pool_id,
                policy,
            },
            group: row.placement_group,
        }
    }
}

/// Claims machines that are due, each under a new epoch, until `hold_s` seconds from now: a placer that dies gives them
/// back by saying nothing.
pub async fn claim(tx: &mut SystemTx, most: i64, hold_s: f64) -> Result<Vec<Waiting>> {
    let rows: Vec<WaitingRow> = sqlx::query_as(
        "with due as (
             select tenant_id, vm_id from compute.vms
             where host_id is null and place_after <= now() and desired_power <> 'absent'
               and given_up is distinct from generation
             order by place_after, vm_id limit $1 for update skip locked
         )
         update compute.vms v
         set claimed = true, placement_epoch = v.placement_epoch + 1, place_attempts = v.place_attempts + 1,
             place_after = now() + make_interval(secs => $2)
         from due where v.tenant_id = due.tenant_id and v.vm_id = due.vm_id
         returning v.tenant_id, v.vm_id, v.project_id, v.placement_epoch, v.vcpus, v.memory_mib, v.disk_gib, v.pool_id,
                   v.policy, v.placement_group",
    )
    .bind(most)
    .bind(hold_s)
    .fetch_all(tx.sql())
    .await?;
    let mut waiting: Vec<Waiting> = rows.into_iter().map(Waiting::from).collect();
    // `returning` keeps no order; who waits longest has the oldest id.
    waiting.sort_by_key(|vm| vm.id);
    Ok(waiting)
}

/// Seats a claimed machine on a host. False when the claim is void: another attempt began, or its owner wants it gone.
pub async fn seat(tx: &mut SystemTx, vm: &Waiting, host: HostId, timeout_s: f64) -> Result<bool> {
    let seated = sqlx::query(
        "update compute.vms
         set host_id = $4, claimed = false, place_attempts = 0, due_at = now() + make_interval(secs => $5)
         where tenant_id = $1 and vm_id = $2 and placement_epoch = $3 and host_id is null and claimed
           and desired_power <> 'absent' and given_up is distinct from generation",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(vm.epoch)
    .bind(host)
    .bind(timeout_s)
    .execute(tx.sql())
    .await?;
    Ok(seated.rows_affected() == 1)
}

/// Puts a claimed machine back in the queue: after a delay drawn from nothing to twice as much as last time (full jitter), at most
/// `cap_s` seconds. False when the claim is void.
pub async fn requeue(tx: &mut SystemTx, vm: &Waiting, base_s: f64, cap_s: f64) -> Result<bool> {
    let queued = sqlx::query(
        "update compute.vms
         set claimed = false,
             place_after = now() + make_interval(secs => random() * least($5, $4 * 2 ^ least(place_attempts, 16)))
         where tenant_id = $1 and vm_id = $2 and placement_epoch = $3 and host_id is null and claimed",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(vm.epoch)
    .bind(base_s)
    .bind(cap_s)
    .execute(tx.sql())
    .await?;
    Ok(queued.rows_affected() == 1)
}

/// Room came free: the machines that waited longest are tried again now.
pub async fn hurry(tx: &mut SystemTx, most: i64) -> Result<()> {
    sqlx::query(
        "with next as (
             select tenant_id, vm_id from compute.vms
             where host_id is null and not claimed and place_after > now() and desired_power <> 'absent'
             order by vm_id limit $1 for update skip locked
         )
         update compute.vms v set place_after = now() from next
         where v.tenant_id = next.tenant_id and v.vm_id = next.vm_id",
    )
    .bind(most)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Keeps a decision as the newest of its machine.
pub async fn keep(tx: &mut SystemTx, vm: &Waiting, record: &Record) -> Result<()> {
    let now = tx.now();
    sqlx::query(
        "insert into compute.placements (tenant_id, vm_id, epoch, record, decided_at) values ($1, $2, $3, $4, $5)
         on conflict (tenant_id, vm_id) do update
         set epoch = excluded.epoch, record = excluded.record, decided_at = excluded.decided_at
         where placements.epoch <= excluded.epoch",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(vm.epoch)
    .bind(Json(record))
    .bind(now)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// The newest decision on a machine, and when it was made.
pub async fn lookup(tx: &mut Read<vm::Read>, vm: &Granted<Vm, vm::Read>) -> Result<Option<(Record, DateTime<Utc>)>> {
    let row: Option<(Json<Record>, DateTime<Utc>)> =
        sqlx::query_as("select record, decided_at from compute.placements where tenant_id = $1 and vm_id = $2")
            .bind(vm.tenant)
            .bind(vm.id)
            .fetch_optional(tx.sql())
            .await?;
    Ok(row.map(|(record, at)| (record.0, at)))
}

#[derive(sqlx::FromRow)]
struct HostRow {
    host_id: HostId,
    alias: String,
    pool_id: PoolId,
    policy: String,
    up: bool,
    heard: bool,
    vcpus_cap: i32,
    memory_mib_cap: i32,
    disk_gib_cap: i32,
    vcpus_used: i32,
    memory_mib_used: i32,
    disk_gib_used: i32,
    kin: i64,
}

impl From<HostRow> for HostSnapshot {
    fn from(row: HostRow) -> Self {
        let size = |vcpus, memory_mib, disk_gib| Size {
            vcpus,
            memory_mib,
            disk_gib,
        };
        Self {
            id: row.host_id,
            alias: row.alias,
            pool: row.pool_id,
            policy: Policy::named(&row.policy).unwrap_or(Policy::Spread),
            up: row.up,
            heard: row.heard,
            cap: size(row.vcpus_cap, row.memory_mib_cap, row.disk_gib_cap),
            used: size(row.vcpus_used, row.memory_mib_used, row.disk_gib_used),
            kin: u32::try_from(row.kin).unwrap_or(u32::MAX),
        }
    }
}

/// A project's group of machines that avoid each other.
pub type Group<'a> = (TenantId, ProjectId, &'a str);

/// The hosts as they look to a placer.
pub async fn hosts(tx: &mut SystemTx, group: Option<Group<'_>>) -> Result<Vec<HostSnapshot>> {
    snapshot(tx.sql(), group).await
}

/// The hosts as they look to a dry run.
pub async fn hosts_for<A: Action>(tx: &mut Read<A>, group: Option<Group<'_>>) -> Result<Vec<HostSnapshot>> {
    snapshot(tx.sql(), group).await
}

async fn snapshot(sql: &mut PgConnection, group: Option<Group<'_>>) -> Result<Vec<HostSnapshot>> {
    let rows: Vec<HostRow> = sqlx::query_as(
        "select h.host_id, h.alias, h.pool_id, p.policy, h.state = 'up' as up,
                coalesce(h.heartbeat_at > clock_timestamp() - make_interval(secs => $1), false) as heard,
                h.vcpus_cap, h.memory_mib_cap, h.disk_gib_cap, h.vcpus_used, h.memory_mib_used, h.disk_gib_used,
                case when $4::text is null then 0 else (
                    select count(*) from compute.vms v
                    where v.tenant_id = $2 and v.project_id = $3 and v.placement_group = $4 and v.host_id = h.host_id
                ) end as kin
         from compute.hosts h join compute.pools p on p.pool_id = h.pool_id",
    )
    .bind(SILENT_AFTER_S)
    .bind(group.map(|(tenant, ..)| tenant))
    .bind(group.map(|(_, project, _)| project))
    .bind(group.map(|(_, _, name)| name))
    .fetch_all(sql)
    .await?;
    Ok(rows.into_iter().map(HostSnapshot::from).collect())
}

/// What a machine for which there is no room is told.
pub fn no_capacity(record: &Record) -> LastError {
    LastError::new("no_capacity", record.reason.clone())
}
