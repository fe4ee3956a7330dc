//! Role bindings: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use auth::Condition;
use chrono::{DateTime, Utc};
use fault::FieldError;
use ids::{BindingId, ProjectId, RoleId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::binding::{self, RoleBinding, Subject};

/// A role binding's path.
#[derive(Debug, Deserialize)]
pub struct OfBinding {
    /// Its id.
    pub binding: BindingId,
}

/// What kind of subject carries a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SubjectKind {
    /// A person.
    User,
    /// Everybody in a group.
    Group,
    /// A machine with an account of its own.
    ServiceAccount,
}

/// Who carries a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SubjectRef {
    /// What kind of subject.
    pub kind: SubjectKind,
    /// Its id.
    #[schema(example = "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", format = "uuid")]
    pub id: String,
}

impl SubjectRef {
    /// The subject, if its id is one.
    pub fn check(&self) -> Result<Subject, FieldError> {
        let subject = match self.kind {
            SubjectKind::User => self.id.parse().map(Subject::User),
            SubjectKind::Group => self.id.parse().map(Subject::Group),
            SubjectKind::ServiceAccount => self.id.parse().map(Subject::ServiceAccount),
        };
        subject.map_err(|error| FieldError::new("/subject/id", error.to_string()))
    }
}

impl From<Subject> for SubjectRef {
    fn from(subject: Subject) -> Self {
        let (kind, id) = match subject {
            Subject::User(id) => (SubjectKind::User, id.to_string()),
            Subject::Group(id) => (SubjectKind::Group, id.to_string()),
            Subject::ServiceAccount(id) => (SubjectKind::ServiceAccount, id.to_string()),
        };
        Self { kind, id }
    }
}

/// When a binding counts; all parts must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BindingCondition {
    /// Before that time.
    pub until: Option<DateTime<Utc>>,
    /// From one of these networks; none means from anywhere. 50 at most.
    #[schema(example = json!(["10.0.0.0/8", "2001:db8::/32"]), max_items = 50)]
    pub networks: Vec<String>,
    /// So many minutes after a factor was shown, at most.
    #[schema(example = 15, minimum = 1, maximum = 1440)]
    pub factor_minutes: Option<u16>,
}

impl BindingCondition {
    fn check(&self, now: DateTime<Utc>) -> Result<Condition, Vec<FieldError>> {
        binding::check_condition(self.until, &self.networks, self.factor_minutes, now)
    }
}

impl From<&Condition> for BindingCondition {
    fn from(condition: &Condition) -> Self {
        Self {
            until: condition.until,
            networks: condition.networks.iter().map(ToString::to_string).collect(),
            factor_minutes: condition.factor_minutes,
        }
    }
}

/// A role binding: who carries which role, where and when. It never changes; make another and remove this one.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RoleBindingView {
    /// Its id.
    pub id: BindingId,
    /// Who carries the role.
    pub subject: SubjectRef,
    /// The role's name.
    #[schema(example = "operator")]
    pub role: String,
    /// The role's id, if it is one of the tenant's own.
    pub role_id: Option<RoleId>,
    /// The project; null means the whole tenant.
    pub project_id: Option<ProjectId>,
    /// When it counts.
    pub condition: BindingCondition,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The same: it never changes.
    pub updated_at: DateTime<Utc>,
}

impl From<&RoleBinding> for RoleBindingView {
    fn from(bound: &RoleBinding) -> Self {
        Self {
            id: bound.id,
            subject: bound.subject.into(),
            role: bound.binding.rights.name().to_owned(),
            role_id: bound.role,
            project_id: bound.binding.project,
            condition: (&bound.binding.condition).into(),
            created_at: bound.created_at,
            updated_at: bound.created_at,
        }
    }
}

impl db::Subject for RoleBindingView {
    fn object(&self) -> String {
        format!("role_binding:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/role-bindings/{}", self.id))
    }
}
