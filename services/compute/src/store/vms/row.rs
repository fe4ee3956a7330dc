//! One machine as the database keeps it, and the one list of columns.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use host_api::{DesiredPower, ObservedPower, StopCause};
use ids::{FlavorId, HostId, ImageId, PoolId, ProjectId, TenantId, VmId};
use sqlx::types::Json;

use crate::placement::Policy;
use crate::vm::{Host, Intent, LastError, ResolvedWish, Seat, Seen, Size, Vm};

/// Selects machines (`v`) with their hosts (`h`). The host's silence is measured here: heartbeats are in database time.
macro_rules! select_vm {
    ($($tail:expr),+ $(,)?) => {
        concat!(
            "select v.tenant_id, v.vm_id, v.project_id, v.name, v.labels, v.flavor_id, v.flavor, v.vcpus, v.memory_mib,
                    v.disk_gib, v.image_id, v.image, v.pool_id, v.policy, v.placement_group, v.desired_power,
                    v.generation, v.reboots, v.given_up is not distinct from v.generation as given_up, v.host_id,
                    v.placement_epoch, v.claimed, v.observed_power, v.observed_generation, v.observed_epoch,
                    v.observed_reboots, v.stop_cause, v.last_error, v.status, v.version, v.created_at, v.updated_at,
                    h.alias, h.simulated,
                    extract(epoch from clock_timestamp() - h.heartbeat_at)::float8 as silent_s
             from compute.vms v left join compute.hosts h on h.host_id = v.host_id ",
            $($tail),+
        )
    };
}
pub(in crate::store) use select_vm;

#[derive(sqlx::FromRow)]
pub(in crate::store) struct VmRow {
    tenant_id: TenantId,
    vm_id: VmId,
    project_id: ProjectId,
    name: String,
    labels: Json<BTreeMap<String, String>>,
    flavor_id: FlavorId,
    flavor: String,
    vcpus: i32,
    memory_mib: i32,
    disk_gib: i32,
    image_id: ImageId,
    image: String,
    pool_id: Option<PoolId>,
    policy: Option<String>,
    placement_group: Option<String>,
    desired_power: String,
    generation: i64,
    reboots: i32,
    given_up: bool,
    host_id: Option<HostId>,
    placement_epoch: i64,
    claimed: bool,
    observed_power: Option<String>,
    observed_generation: i64,
    observed_epoch: i64,
    observed_reboots: i32,
    stop_cause: Option<String>,
    last_error: Option<Json<LastError>>,
    status: String,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    alias: Option<String>,
    simulated: Option<bool>,
    silent_s: Option<f64>,
}

impl From<VmRow> for Vm {
    fn from(row: VmRow) -> Self {
        let seen = row.seen();
        let host = row.host_id.map(|id| Host {
            id,
            alias: row.alias.unwrap_or_default(),
            simulated: row.simulated.unwrap_or_default(),
            silent_s: row.silent_s,
        });
        Self {
            tenant: row.tenant_id,
            id: row.vm_id,
            project: row.project_id,
            name: row.name,
            labels: row.labels.0,
            flavor: (row.flavor_id, row.flavor),
            image: (row.image_id, row.image),
            size: Size {
                vcpus: row.vcpus,
                memory_mib: row.memory_mib,
                disk_gib: row.disk_gib,
            },
            wish: ResolvedWish {
                pool: row.pool_id,
                policy: row.policy.as_deref().and_then(Policy::named),
                group: row.placement_group,
            },
            intent: Intent {
                power: desired(&row.desired_power),
                generation: row.generation,
                reboots: row.reboots,
                given_up: row.given_up,
            },
            seat: Seat {
                epoch: row.placement_epoch,
                // One that was refused stays queued while it is tried again.
                claimed: row.claimed && row.last_error.is_none(),
                host,
            },
            seen,
            last_error: row.last_error.map(|error| error.0),
            told: row.status,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

impl VmRow {
    /// What a host said of an earlier placement says nothing of this one.
    fn seen(&self) -> Option<Seen> {
        let power = self
            .observed_power
            .as_deref()
            .filter(|_| self.observed_epoch == self.placement_epoch)?;
        Some(Seen {
            power: observed(power),
            generation: self.observed_generation,
            reboots: self.observed_reboots,
            stop_cause: self.stop_cause.as_deref().and_then(cause),
        })
    }
}

/// The column's check knows these words and no others.
fn desired(word: &str) -> DesiredPower {
    match word {
        "running" => DesiredPower::Running,
        "stopped" => DesiredPower::Stopped,
        _ => DesiredPower::Absent,
    }
}

pub(in crate::store) const fn desired_word(power: DesiredPower) -> &'static str {
    match power {
        DesiredPower::Running => "running",
        DesiredPower::Stopped => "stopped",
        DesiredPower::Absent => "absent",
    }
}

fn observed(word: &str) -> ObservedPower {
    match word {
        "running" => ObservedPower::Running,
        "stopped" => ObservedPower::Stopped,
        "absent" => ObservedPower::Absent,
        _ => ObservedPower::Unknown,
    }
}

pub(in crate::store) const fn observed_word(power: ObservedPower) -> &'static str {
    match power {
        ObservedPower::Running => "running",
        ObservedPower::Stopped => "stopped",
        ObservedPower::Absent => "absent",
        ObservedPower::Unknown => "unknown",
    }
}

fn cause(word: &str) -> Option<StopCause> {
    match word {
        "asked" => Some(StopCause::Asked),
        "guest" => Some(StopCause::Guest),
        "failed" => Some(StopCause::Failed),
        _ => None,
    }
}

pub(in crate::store) const fn cause_word(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Asked => "asked",
        StopCause::Guest => "guest",
        StopCause::Failed => "failed",
    }
}
