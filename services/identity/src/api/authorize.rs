//! Why somebody may or may not: wire types and the endpoint.

pub mod explain;

use auth::explain::{Part, Refusal};
use auth::rights::Unmet;
use ids::{IdOrName, ProjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::role_bindings::{RoleBindingView, SubjectRef};

/// What to explain.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Explain {
    /// Whose right; the caller's, unless said otherwise. Of a group: what its members have through it.
    pub principal: Option<SubjectRef>,
    /// The permission: the name of an action, such as `vm.create`.
    #[schema(example = "vm.create", max_length = 100)]
    pub permission: String,
    /// The project, by id or name; none means the whole tenant.
    #[schema(value_type = Option<String>, example = "default")]
    pub project: Option<IdOrName<ProjectId>>,
}

/// Why it is as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// A binding carries it.
    Granted,
    /// Whoever is signed in may.
    Anyone,
    /// No binding that counts carries it there.
    Missing,
    /// The credential is not good for it.
    Scope,
    /// A factor must be shown anew.
    StepUp,
    /// A password must be changed, or a second factor added, before anything else.
    Owed,
    /// They may not sign in.
    Disabled,
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Owes(_) => Self::Owed,
            Refusal::Scope => Self::Scope,
            Refusal::Missing => Self::Missing,
            Refusal::StepUp(_) => Self::StepUp,
        }
    }
}

/// What a binding that carries the permission has to do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BindingPart {
    /// It counts.
    Counts,
    /// It has ended.
    Until,
    /// The request comes from elsewhere, or from where is not known.
    Network,
    /// A factor was shown too long ago, or when is not known.
    Factor,
    /// It is bound to another project, or to a project where the whole tenant is asked for.
    Elsewhere,
    /// The credential does not bring it along; or it is new, and counts in some seconds.
    Withheld,
}

impl BindingPart {
    const fn of(part: Part) -> Option<Self> {
        match part {
            Part::Counts => Some(Self::Counts),
            Part::Unmet(Unmet::Until) => Some(Self::Until),
            Part::Unmet(Unmet::Network) => Some(Self::Network),
            Part::Unmet(Unmet::Factor) => Some(Self::Factor),
            Part::Elsewhere => Some(Self::Elsewhere),
            Part::Withheld => Some(Self::Withheld),
            Part::Nothing => None,
        }
    }
}

/// A binding that carries the permission, and whether it counts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Ground {
    /// The binding; its subject says whether it is theirs or a group's.
    pub binding: RoleBindingView,
    /// What it has to do with it.
    pub part: BindingPart,
}

/// Whether somebody may, and why.
#[derive(Debug, Serialize, ToSchema)]
pub struct Explanation {
    /// May they?
    pub allowed: bool,
    /// Why.
    pub reason: Reason,
    /// In a sentence.
    #[schema(example = "The role operator carries it.")]
    pub detail: String,
    /// The permission.
    #[schema(example = "vm.create")]
    pub permission: String,
    /// The project; null means the whole tenant.
    pub project_id: Option<ProjectId>,
    /// Their bindings that carry it, as far as the caller may read them.
    pub bindings: Vec<Ground>,
    /// The roles that would carry it, built in and the tenant's own.
    #[schema(example = json!(["owner", "admin", "operator"]))]
    pub roles: Vec<String>,
    /// It asks for a factor shown of late.
    #[schema(example = false)]
    pub guarded: bool,
    /// The only permissions that the caller's own credential is good for; null: all that they carry.
    #[schema(example = json!(["vm.read"]))]
    pub scopes: Option<Vec<String>>,
}

impl db::Subject for Explanation {
    fn object(&self) -> String {
        format!("permission:{}", self.permission)
    }
}
