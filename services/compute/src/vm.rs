//! A virtual machine: what its owner wants, what its host sees, and what may be said of it.
//!
//! Pure: no database, no clock, no wire types.

mod intent;
mod labels;
mod new;
mod status;

use std::collections::BTreeMap;

use auth::action::vm;
use auth::{Action, Info, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use host_api::{ObservedPower, StopCause};
use ids::{FlavorId, HostId, ImageId, PoolId, ProjectId, TenantId, VmId};

pub use host_api::DesiredPower as Power;
pub use labels::Labels;
pub use new::{Chosen, NewVm, Parts, Renamed, check_name};
pub use status::{Fate, SILENT_AFTER_S, Status};

use crate::placement::Policy;

/// A virtual machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Vm {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id; also its UUID on the host.
    pub id: VmId,
    /// Its project.
    pub project: ProjectId,
    /// Unique in the project among machines that are not going.
    pub name: String,
    /// Its owner's own marks.
    pub labels: BTreeMap<String, String>,
    /// The flavor it was made with.
    pub flavor: (FlavorId, String),
    /// The image it was made with.
    pub image: (ImageId, String),
    /// How large it is.
    pub size: Size,
    /// What its owner asks of the placement.
    pub wish: ResolvedWish,
    /// What should be.
    pub intent: Intent,
    /// Where it stands.
    pub seat: Seat,
    /// The last word of its host.
    pub seen: Option<Seen>,
    /// What went wrong last.
    pub last_error: Option<LastError>,
    /// The status last told by an event.
    pub told: String,
    /// One more whenever what its owner sees changes.
    pub version: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When what its owner sees last changed.
    pub updated_at: DateTime<Utc>,
}

/// What a machine takes from its host and from its tenant's quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Size {
    /// Virtual processors.
    pub vcpus: i32,
    /// Memory in MiB.
    pub memory_mib: i32,
    /// Disk in GiB.
    pub disk_gib: i32,
}

/// What its owner asks of the placement, its names having become ids.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResolvedWish {
    /// Only hosts of this pool.
    pub pool: Option<PoolId>,
    /// Instead of the pool's own policy.
    pub policy: Option<Policy>,
    /// Rather not on a host with another machine of this group.
    pub group: Option<String>,
}

/// What should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intent {
    /// On, off or gone.
    pub power: Power,
    /// Which change of intent this is.
    pub generation: i64,
    /// How often it was to be rebooted since it exists.
    pub reboots: i32,
    /// This generation was given up.
    pub given_up: bool,
}

/// Where a machine stands in the order of placements.
#[derive(Debug, Clone, PartialEq)]
pub struct Seat {
    /// Which placement; one more at each attempt.
    pub epoch: i64,
    /// A placer is at it for the first time.
    pub claimed: bool,
    /// The host, once there is one.
    pub host: Option<Host>,
}

/// The host as far as a machine's owner may know it.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// Never shown to tenants.
    pub id: HostId,
    /// The name tenants see.
    pub alias: String,
    /// It only pretends.
    pub simulated: bool,
    /// Seconds since its last heartbeat, by the database's clock; none when it never had one.
    pub silent_s: Option<f64>,
}

/// What the host last said of the present placement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// On, off, gone or not known.
    pub power: ObservedPower,
    /// The last intent carried out to its end. Kept while the power is not known.
    pub generation: i64,
    /// The reboots carried out.
    pub reboots: i32,
    /// Why it is off.
    pub stop_cause: Option<StopCause>,
}

/// Why a machine is not what it should be, for its owner.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LastError {
    /// Stable, for programs.
    pub code: String,
    /// One sentence, for people.
    pub detail: String,
}

impl LastError {
    /// An error of this code.
    pub fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}

impl Vm {
    /// What may be said of it now.
    pub fn status(&self) -> Status {
        status::status(&self.intent, &self.seat, self.seen.as_ref())
    }

    /// Has the host carried out the present intent?
    pub fn reached(&self) -> bool {
        status::reached(&self.intent, self.seen.as_ref())
    }
}

impl Vm {
    /// The machine with another intent, told anew.
    #[must_use]
    pub fn wanting(&self, intent: Intent, now: DateTime<Utc>) -> Self {
        let mut next = Self { intent, ..self.clone() };
        next.version += 1;
        next.updated_at = now;
        next.status().name().clone_into(&mut next.told);
        next
    }

    /// Takes a changed machine for told: raises its version if its owner sees a difference to `before`. Says whether.
    pub fn retell(&mut self, before: &Self, now: DateTime<Utc>) -> bool {
        let alias = |vm: &Self| vm.seat.host.as_ref().map(|host| host.alias.clone());
        let status = self.status().name();
        let differs = status != before.told || self.last_error != before.last_error || alias(self) != alias(before);
        if differs {
            self.version = before.version + 1;
            self.updated_at = now;
            status.clone_into(&mut self.told);
        }
        differs
    }
}

impl Resource for Vm {
    const NAME: &'static str = "vm";
    const READ: &'static Info = vm::Read::INFO;

    fn place(&self) -> Place {
        Place::Project(self.tenant, self.project)
    }
}
