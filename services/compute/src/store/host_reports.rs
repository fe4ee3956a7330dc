//! What hosts say of themselves, sessions and heartbeats, and the set they are told. What they say of machines is in
//! `observations`.

use db::{Result, SystemTx};
use host_api::{
    BootImage, Desired, DesiredPower, DesiredVm, Generation, Observed, PlacementEpoch, Revision, Session, SessionEpoch,
    Shape, StartSession,
};
use ids::{HostId, TenantId, VmId};
use serde::Serialize;
use sqlx::types::Json;

use super::hosts::{share_rooms, word_of};
use crate::pool::{Overcommit, Room};

/// How long a guest gets to shut down by itself. Seconds.
const STOP_GRACE_S: u32 = 20;

/// A host as its certificate identifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct Speaker {
    /// Which host.
    #[sqlx(rename = "host_id")]
    pub host: HostId,
    /// The newest process that speaks for it.
    pub epoch: i64,
    /// The state of its desired set.
    pub revision: i64,
    /// It only pretends.
    pub simulated: bool,
}

/// The host of that certificate.
pub async fn lookup(tx: &mut SystemTx, fingerprint: &str) -> Result<Option<Speaker>> {
    let row = sqlx::query_as("select host_id, epoch, revision, simulated from compute.hosts where fingerprint = $1")
        .bind(fingerprint)
        .fetch_optional(tx.sql())
        .await?;
    Ok(row)
}

/// What the newest process said when it started: what the audit log keeps of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Told {
    epoch: i64,
    boot_id: Option<String>,
    domain_type: String,
    libvirt_version: String,
    agent_version: Option<String>,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
}

impl Told {
    /// The session that was started by saying so.
    pub const fn session(&self, host_id: HostId) -> Session {
        Session {
            epoch: SessionEpoch(self.epoch),
            host_id,
        }
    }
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    #[sqlx(flatten)]
    told: Told,
    cpu_overcommit: f64,
    memory_overcommit: f64,
}

/// Starts a session: a process that has started speaks for the host from now on, and says what the host has. Answers what
/// the process before it had said, and what this one does.
pub async fn start(tx: &mut SystemTx, host: HostId, ask: &StartSession) -> Result<(Told, Told)> {
    share_rooms(tx.sql()).await?;
    let held: HeldRow = sqlx::query_as(
        "select h.*, p.cpu_overcommit, p.memory_overcommit from compute.hosts h join compute.pools p using (pool_id)
         where h.host_id = $1 for update of h",
    )
    .bind(host)
    .fetch_one(tx.sql())
    .await?;
    let overcommit = Overcommit {
        cpu: held.cpu_overcommit,
        memory: held.memory_overcommit,
    };
    let physical = Room::of(&ask.capacity);
    let room = overcommit.room(physical);
    let told = sqlx::query_as(
        "update compute.hosts
         set epoch = epoch + 1, boot_id = $2, domain_type = $3, libvirt_version = $4, agent_version = $5, vcpus = $6,
             memory_mib = $7, disk_gib = $8, vcpus_cap = $9, memory_mib_cap = $10, disk_gib_cap = $11,
             heartbeat_at = clock_timestamp()
         where host_id = $1 returning *",
    )
    .bind(host)
    .bind(&ask.boot_id)
    .bind(word_of(ask.domain_type))
    .bind(&ask.libvirt_version)
    .bind(&ask.agent_version)
    .bind(physical.vcpus)
    .bind(physical.memory_mib)
    .bind(physical.disk_gib)
    .bind(room.vcpus)
    .bind(room.memory_mib)
    .bind(room.disk_gib)
    .fetch_one(tx.sql())
    .await?;
    Ok((held.told, told))
}

/// Writes a heartbeat, unless a newer process speaks for the host. The host's row stays locked: reports of one host are
/// taken one after the other, and no older process gets between. An epoch that is ahead is kept: the database came back
/// from a backup.
pub async fn heartbeat(tx: &mut SystemTx, host: HostId, report: &Observed) -> Result<bool> {
    let usage = &report.usage;
    let most = |amount: u64| i32::try_from(amount).unwrap_or(i32::MAX);
    let done = sqlx::query(
        "update compute.hosts
         set epoch = $2, heartbeat_at = clock_timestamp(), cpu_percent = $3, memory_used_mib = $4, disk_used_gib = $5,
             error_code = $6, error_detail = $7
         where host_id = $1 and epoch <= $2",
    )
    .bind(host)
    .bind(report.epoch.0)
    .bind(usage.cpu_percent.clamp(0.0, 100.0))
    .bind(most(usage.memory_used_mib))
    .bind(most(usage.disk_used_gib))
    .bind(report.error.as_ref().and_then(|error| word_of(error.code)))
    .bind(report.error.as_ref().map(|error| &error.detail))
    .execute(tx.sql())
    .await?;
    Ok(done.rows_affected() == 1)
}

#[derive(sqlx::FromRow)]
struct DesiredRow {
    tenant_id: TenantId,
    vm_id: VmId,
    name: String,
    generation: i64,
    placement_epoch: i64,
    desired_power: String,
    reboots: i32,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
    boot: Json<BootImage>,
}

impl From<DesiredRow> for DesiredVm {
    fn from(row: DesiredRow) -> Self {
        let power = match row.desired_power.as_str() {
            "running" => DesiredPower::Running,
            "stopped" => DesiredPower::Stopped,
            _ => DesiredPower::Absent,
        };
        // The table's checks keep sizes and counts from being negative.
        Self {
            vm_id: row.vm_id,
            tenant_id: row.tenant_id,
            name: row.name,
            generation: Generation(row.generation),
            epoch: PlacementEpoch(row.placement_epoch),
            power,
            reboots: row.reboots.unsigned_abs(),
            stop_grace_s: STOP_GRACE_S,
            shape: Shape {
                vcpus: row.vcpus.unsigned_abs(),
                memory_mib: row.memory_mib.unsigned_abs().into(),
                disk_gib: row.disk_gib.unsigned_abs().into(),
            },
            image: row.boot.0,
        }
    }
}

/// Everything that should be on the host. `revision` was read before, in this transaction: a change that commits between
/// the two statements is answered under the older name, and the host asks once more. The other way round it would never
/// hear of it.
pub async fn desired(tx: &mut SystemTx, host: HostId, revision: i64) -> Result<Desired> {
    let rows: Vec<DesiredRow> = sqlx::query_as(
        "select tenant_id, vm_id, name, generation, placement_epoch, desired_power, reboots, vcpus, memory_mib, disk_gib,
                boot
         from compute.vms where host_id = $1 order by vm_id",
    )
    .bind(host)
    .fetch_all(tx.sql())
    .await?;
    Ok(Desired {
        revision: Revision(revision),
        vms: rows.into_iter().map(DesiredVm::from).collect(),
    })
}
