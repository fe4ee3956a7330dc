//! Virtual machines: wire types and endpoints.

pub mod console;
pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod placement;
pub mod power;
pub mod read;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use host_api::ObservedPower;
use ids::{IdOrName, ProjectId, VmId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::placement::Record;
use crate::vm::{LastError, Power, Status, Vm};

/// The path of a project's machines.
#[derive(Debug, Deserialize)]
pub struct InProject {
    /// Id or name.
    pub project: IdOrName<ProjectId>,
}

/// The path of one machine.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VmPath {
    /// Id or name
    #[param(value_type = String, example = "default")]
    pub project: IdOrName<ProjectId>,
    /// Id or name
    #[param(value_type = String, example = "web-1")]
    pub vm: IdOrName<VmId>,
}

/// A virtual machine.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct VmView {
    /// Its id.
    pub id: VmId,
    /// Its name, unique in the project.
    #[schema(example = "web-1")]
    pub name: String,
    /// Its project.
    pub project_id: ProjectId,
    /// The flavor it was made with.
    #[schema(example = "small")]
    pub flavor: String,
    /// The image it was made with.
    #[schema(example = "demo")]
    pub image: String,
    /// Virtual processors.
    #[schema(example = 1)]
    pub vcpus: i32,
    /// Memory in MiB.
    #[schema(example = 256)]
    pub memory_mib: i32,
    /// Disk in GiB; 0 is none.
    #[schema(example = 0)]
    pub disk_gib: i32,
    /// What may be said of it now.
    #[schema(example = "running")]
    pub status: Status,
    /// Whether it is on, as far as its host tells.
    #[schema(example = "on")]
    pub power: PowerView,
    /// Its addresses.
    pub addresses: Vec<AddressView>,
    /// What its host is called here; null while it has none.
    #[schema(example = "host-7f3a")]
    pub host_alias: Option<String>,
    /// Its host only pretends.
    #[schema(example = false)]
    pub simulated: bool,
    /// Counts the changes of what it should be.
    #[schema(example = 1)]
    pub generation: i64,
    /// Its owner's own marks.
    #[schema(example = json!({"env": "test"}))]
    pub labels: BTreeMap<String, String>,
    /// What went wrong last; null when nothing is wrong.
    pub last_error: Option<LastErrorView>,
    /// Where it would go: only in the answer to a dry run of its creation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Record>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When what is shown here last changed.
    pub updated_at: DateTime<Utc>,
    #[serde(skip)]
    version: i64,
}

/// Whether a machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PowerView {
    /// It is on.
    On,
    /// It is off, or not made yet.
    Off,
    /// Its host cannot be heard, or cannot tell.
    Unknown,
}

/// An address of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AddressView {
    /// The network's name.
    #[schema(example = "default")]
    pub network: String,
    /// The address in it.
    #[schema(example = "10.0.0.7")]
    pub ip: String,
    /// The hardware address.
    #[schema(example = "52:54:00:12:34:56")]
    pub mac: String,
}

/// Why something is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastErrorView {
    /// Stable, for programs.
    #[schema(example = "no_capacity")]
    pub code: String,
    /// One sentence, for people.
    #[schema(example = "Of 3 hosts, 1 cannot be heard, 2 lack memory.")]
    pub detail: String,
}

impl From<&LastError> for LastErrorView {
    fn from(error: &LastError) -> Self {
        Self {
            code: error.code.clone(),
            detail: error.detail.clone(),
        }
    }
}

impl From<&Vm> for VmView {
    fn from(vm: &Vm) -> Self {
        let status = vm.status();
        let host = vm.seat.host.as_ref();
        Self {
            id: vm.id,
            name: vm.name.clone(),
            project_id: vm.project,
            flavor: vm.flavor.1.clone(),
            image: vm.image.1.clone(),
            vcpus: vm.size.vcpus,
            memory_mib: vm.size.memory_mib,
            disk_gib: vm.size.disk_gib,
            status,
            power: power(vm, status),
            addresses: Vec::new(),
            host_alias: host.map(|host| host.alias.clone()),
            simulated: host.is_some_and(|host| host.simulated),
            generation: vm.intent.generation,
            labels: vm.labels.clone(),
            last_error: vm.last_error.as_ref().map(LastErrorView::from),
            placement: None,
            created_at: vm.created_at,
            updated_at: vm.updated_at,
            version: vm.version,
        }
    }
}

fn power(vm: &Vm, status: Status) -> PowerView {
    match vm.seen.map(|seen| seen.power) {
        _ if status == Status::Unknown => PowerView::Unknown,
        Some(ObservedPower::Running) => PowerView::On,
        Some(ObservedPower::Unknown) if vm.intent.power != Power::Absent => PowerView::Unknown,
        _ => PowerView::Off,
    }
}

impl db::Subject for VmView {
    fn object(&self) -> String {
        format!("vm:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/projects/{}/vms/{}", self.project_id, self.id))
    }

    /// The version counts what is written; silence of the host changes the status without writing.
    fn etag(&self) -> Option<String> {
        Some(format!("\"{}-{}\"", self.version, self.status.name()))
    }
}
