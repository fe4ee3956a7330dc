//! Long operations: what was asked of a machine and how far it got.

use auth::action::operation;
use auth::{Action, Info, Place};
use chrono::{DateTime, Utc};
use db::Resource;
use ids::{OperationId, ProjectId, TenantId, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::vm::LastError;

/// A long operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Its tenant.
    pub tenant: TenantId,
    /// Its id.
    pub id: OperationId,
    /// Its machine's project.
    pub project: ProjectId,
    /// What was asked.
    pub kind: String,
    /// The machine; it may be gone by now.
    pub vm: VmId,
    /// How far it got.
    pub progress: Progress,
    /// Why it failed or was cancelled.
    pub error: Option<LastError>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last got further.
    pub updated_at: DateTime<Utc>,
    /// When a host began with it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl Resource for Operation {
    const NAME: &'static str = "operation";
    const READ: &'static Info = operation::Read::INFO;

    fn place(&self) -> Place {
        Place::Project(self.tenant, self.project)
    }
}

/// What can be asked of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To be.
    Create,
    /// To be on.
    Start,
    /// To be off.
    Stop,
    /// To be off and on again.
    Reboot,
    /// Not to be.
    Delete,
}

impl Kind {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "vm.create",
            Self::Start => "vm.start",
            Self::Stop => "vm.stop",
            Self::Reboot => "vm.reboot",
            Self::Delete => "vm.delete",
        }
    }
}

/// How far an operation got. New words may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// The machine has no host yet.
    Queued,
    /// Its host is at it.
    Running,
    /// Done.
    Succeeded,
    /// Given up; `error` says why.
    Failed,
    /// A newer operation on the same machine took its place.
    Cancelled,
}

impl Progress {
    /// The word on the wire and in the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        let all = [
            Self::Queued,
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::Cancelled,
        ];
        all.into_iter().find(|progress| progress.name() == name)
    }

    /// Will it go no further?
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// A rough measure for progress bars: 0 to 100.
    pub const fn percent(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Running => 50,
            Self::Succeeded | Self::Failed | Self::Cancelled => 100,
        }
    }
}
