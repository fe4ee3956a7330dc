//! Hosts: wire types and endpoints for operators.

pub mod delete;
pub mod list;
pub mod modify;
pub mod read;

use chrono::{DateTime, Utc};
use host_api::DomainType;
use ids::{HostId, IdOrName, PoolId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::host::{Host, HostError, HostState, HostStatus, HostUsage};
use crate::pool::Room;

/// A host's path.
#[derive(Debug, Deserialize)]
pub struct InHost {
    /// Id or name.
    pub host: IdOrName<HostId>,
}

/// An amount of what machines are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct RoomView {
    /// Processors.
    #[schema(example = 32)]
    pub vcpus: i32,
    /// Memory in MiB.
    #[schema(example = 65_536)]
    pub memory_mib: i32,
    /// Disk in GiB.
    #[schema(example = 1_000)]
    pub disk_gib: i32,
}

impl From<Room> for RoomView {
    fn from(room: Room) -> Self {
        Self {
            vcpus: room.vcpus,
            memory_mib: room.memory_mib,
            disk_gib: room.disk_gib,
        }
    }
}

/// A machine that runs virtual machines.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct HostView {
    /// Its id.
    pub id: HostId,
    /// Its name.
    #[schema(example = "rack-3-7")]
    pub name: String,
    /// The name tenants see.
    #[schema(example = "host-7f3a9c01d2")]
    pub alias: String,
    /// The name of its pool.
    #[schema(example = "default")]
    pub pool: String,
    /// Its pool's id.
    pub pool_id: PoolId,
    /// What operators want of it.
    pub state: HostState,
    /// What it is, as far as it is heard.
    pub status: HostStatus,
    /// It only pretends: no guest runs on it.
    #[schema(example = false)]
    pub simulated: bool,
    /// How it runs guests.
    pub domain_type: DomainType,
    /// The version of its libvirt.
    #[schema(example = "9.0.0")]
    pub libvirt_version: String,
    /// The version of its hypervisor process, once one has started.
    #[schema(example = "0.1.0")]
    pub agent_version: Option<String>,
    /// What it has.
    pub physical: RoomView,
    /// What may be placed on it, after overcommit.
    pub capacity: RoomView,
    /// What is placed on it.
    pub allocated: RoomView,
    /// What it last said of itself.
    pub usage: Option<HostUsage>,
    /// What keeps it from working.
    pub last_error: Option<HostError>,
    /// When it was last heard, by the database's clock.
    pub heartbeat_at: Option<DateTime<Utc>>,
    /// Counts its changes by operators; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was enrolled.
    pub created_at: DateTime<Utc>,
    /// When operators last changed it.
    pub updated_at: DateTime<Utc>,
}

impl From<&Host> for HostView {
    fn from(host: &Host) -> Self {
        Self {
            id: host.id,
            name: host.name.clone(),
            alias: host.alias.clone(),
            pool: host.pool.1.clone(),
            pool_id: host.pool.0,
            state: host.state,
            status: host.status(),
            simulated: host.simulated,
            domain_type: host.domain_type,
            libvirt_version: host.libvirt_version.clone(),
            agent_version: host.agent_version.clone(),
            physical: host.physical.into(),
            capacity: host.capacity.into(),
            allocated: host.allocated.into(),
            usage: host.usage,
            last_error: host.error.clone(),
            heartbeat_at: host.heartbeat_at,
            generation: host.generation,
            created_at: host.created_at,
            updated_at: host.updated_at,
        }
    }
}

impl db::Subject for HostView {
    fn object(&self) -> String {
        format!("host:{}", self.id)
    }

    /// What operators decide of it; what it reports every few seconds is no matter for the log.
    fn record(&self) -> serde_json::Value {
        serde_json::json!({"name": self.name, "pool": self.pool, "state": self.state, "simulated": self.simulated})
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/system/hosts/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}
