//! Who is in a group: wire types and endpoints.

pub mod add;
pub mod list;
pub mod remove;

use chrono::{DateTime, Utc};
use db::Subject;
use ids::{GroupId, IdOrName, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::group::Member;

/// A membership's path.
#[derive(Debug, Deserialize)]
pub struct InMember {
    /// The group, by id or name.
    pub group: IdOrName<GroupId>,
    /// Who, by id.
    pub user: UserId,
}

/// Somebody in a group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MemberView {
    /// The person's id.
    pub id: UserId,
    /// The group's id.
    pub group_id: GroupId,
    /// Their e-mail address.
    #[schema(example = "ada@example.com")]
    pub email: String,
    /// What they are called.
    #[schema(example = "Ada Lovelace")]
    pub display_name: String,
    /// May they sign in?
    #[schema(example = true)]
    pub enabled: bool,
    /// Since when they are in it.
    pub created_at: DateTime<Utc>,
    /// The same: a membership never changes.
    pub updated_at: DateTime<Utc>,
}

impl From<&Member> for MemberView {
    fn from(member: &Member) -> Self {
        Self {
            id: member.user,
            group_id: member.group,
            email: member.email.clone(),
            display_name: member.display_name.clone(),
            enabled: member.enabled,
            created_at: member.created_at,
            updated_at: member.created_at,
        }
    }
}

impl Subject for MemberView {
    fn object(&self) -> String {
        format!("group:{}", self.group_id)
    }

    fn record(&self) -> Value {
        json!({"member": format!("user:{}", self.id)})
    }
}
