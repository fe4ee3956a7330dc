//! The end of machines, and what is overdue.

use db::{Result, SystemTx};
use ids::{TenantId, VmId};

use crate::vm::Size;

/// Machines that should not be and are not any more: never placed, or gone from their host by its own word on this very
/// placement and intent.
pub async fn gone(tx: &mut SystemTx, most: i64) -> Result<Vec<(TenantId, VmId)>> {
    Ok(sqlx::query_as(
        "select tenant_id, vm_id from compute.vms
         where desired_power = 'absent'
           and (host_id is null or observed_power = 'absent' and observed_epoch = placement_epoch
                                   and observed_generation >= generation)
         order by updated_at limit $1",
    )
    .bind(most)
    .fetch_all(tx.sql())
    .await?)
}

/// Removes the row if the machine is gone, and leaves a tombstone if it ever had a place. Answers its size; none when it is
/// not gone (any more) or somebody else was first.
pub async fn remove(tx: &mut SystemTx, tenant: TenantId, vm: VmId) -> Result<Option<Size>> {
    let removed: Option<(i32, i32, i32, i64)> = sqlx::query_as(
        "delete from compute.vms
         where tenant_id = $1 and vm_id = $2 and desired_power = 'absent'
           and (host_id is null or observed_power = 'absent' and observed_epoch = placement_epoch
                                   and observed_generation >= generation)
         returning vcpus, memory_mib, disk_gib, placement_epoch",
    )
    .bind(tenant)
    .bind(vm)
    .fetch_optional(tx.sql())
    .await?;
    let Some((vcpus, memory_mib, disk_gib, epoch)) = removed else {
        return Ok(None);
    };
    if epoch > 0 {
        sqlx::query(
            "insert into compute.tombstones (tenant_id, vm_id, epoch) values ($1, $2, $3) on conflict do nothing",
        )
        .bind(tenant)
        .bind(vm)
        .bind(epoch)
        .execute(tx.sql())
        .await?;
    }
    Ok(Some(Size {
        vcpus,
        memory_mib,
        disk_gib,
    }))
}

/// Machines whose present intent is overdue.
pub async fn overdue(tx: &mut SystemTx, most: i64) -> Result<Vec<(TenantId, VmId)>> {
    Ok(
        sqlx::query_as("select tenant_id, vm_id from compute.vms where due_at <= now() order by due_at limit $1")
            .bind(most)
            .fetch_all(tx.sql())
            .await?,
    )
}

/// Is the intent of a locked machine overdue?
pub async fn is_overdue(tx: &mut SystemTx, tenant: TenantId, vm: VmId) -> Result<bool> {
    let due: Option<bool> = sqlx::query_scalar(
        "select coalesce(due_at <= now(), false) from compute.vms where tenant_id = $1 and vm_id = $2",
    )
    .bind(tenant)
    .bind(vm)
    .fetch_optional(tx.sql())
    .await?;
    Ok(due.unwrap_or_default())
}

/// Machines whose owner was last told something else than their host's silence, or its end, makes of them.
pub async fn mistold(tx: &mut SystemTx, silent_after_s: f64, most: i64) -> Result<Vec<(TenantId, VmId)>> {
    Ok(sqlx::query_as(
        "select v.tenant_id, v.vm_id
         from compute.vms v join compute.hosts h on h.host_id = v.host_id
         where v.desired_power <> 'absent'
           and case when h.heartbeat_at > clock_timestamp() - make_interval(secs => $1)
                    then v.status = 'unknown' and coalesce(v.observed_power, '') <> 'unknown'
                    else v.status <> 'unknown' end
         limit $2",
    )
    .bind(silent_after_s)
    .bind(most)
    .fetch_all(tx.sql())
    .await?)
}
