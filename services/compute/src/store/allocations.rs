//! `compute.allocations` and the room on hosts they stand for.
//!
//! # Why nothing can be given away twice
//! Room is claimed by one statement that checks and raises `hosts.*_used` together, and the allocation row is written in
//! the same transaction. Two claims on one host wait for each other on its row, and the second one's condition is then
//! evaluated on what the first one left. Giving back deletes the allocation row and lowers the host by what that row said,
//! in one statement: whoever comes second finds no row and lowers nothing.

use db::{Result, SystemTx};
use ids::{HostId, TenantId, VmId};

use crate::store::placements::Waiting;

/// Claims room for a machine on a host. The allocation must follow in the same transaction ([`insert`]). False when the host has no room, takes nothing new or
/// cannot be heard any more.
pub async fn claim(tx: &mut SystemTx, vm: &Waiting, host: HostId, silent_after_s: f64) -> Result<bool> {
    let size = vm.need.size;
    let claimed = sqlx::query(
        "update compute.hosts
         set vcpus_used = vcpus_used + $2, memory_mib_used = memory_mib_used + $3, disk_gib_used = disk_gib_used + $4,
             revision = revision + 1
         where host_id = $1 and state = 'up' and heartbeat_at > clock_timestamp() - make_interval(secs => $5)
           and vcpus_used + $2 <= vcpus_cap and memory_mib_used + $3 <= memory_mib_cap
           and disk_gib_used + $4 <= disk_gib_cap",
    )
    .bind(host)
    .bind(size.vcpus)
    .bind(size.memory_mib)
    .bind(size.disk_gib)
    .bind(silent_after_s)
    .execute(tx.sql())
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Writes for whom the room was claimed.
pub async fn insert(tx: &mut SystemTx, vm: &Waiting, host: HostId) -> Result<()> {
    let size = vm.need.size;
    sqlx::query(
        "insert into compute.allocations (tenant_id, vm_id, host_id, epoch, vcpus, memory_mib, disk_gib)
         values ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(vm.tenant)
    .bind(vm.id)
    .bind(host)
    .bind(vm.epoch)
    .bind(size.vcpus)
    .bind(size.memory_mib)
    .bind(size.disk_gib)
    .execute(tx.sql())
    .await?;
    Ok(())
}

/// Gives back what a machine takes from its host. False when it takes nothing.
pub async fn release(tx: &mut SystemTx, tenant: TenantId, vm: VmId) -> Result<bool> {
    let lowered = sqlx::query(
        "with gone as (
             delete from compute.allocations where tenant_id = $1 and vm_id = $2
             returning host_id, vcpus, memory_mib, disk_gib
         )
         update compute.hosts h
         set vcpus_used = h.vcpus_used - gone.vcpus, memory_mib_used = h.memory_mib_used - gone.memory_mib,
             disk_gib_used = h.disk_gib_used - gone.disk_gib, revision = h.revision + 1
         from gone where h.host_id = gone.host_id",
    )
    .bind(tenant)
    .bind(vm)
    .execute(tx.sql())
    .await?;
    Ok(lowered.rows_affected() == 1)
}
