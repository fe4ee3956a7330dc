//! Groups of people: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod members;
pub mod modify;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{GroupId, IdOrName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::group::Group;

/// A group's path.
#[derive(Debug, Deserialize)]
pub struct InGroup {
    /// Id or name.
    pub group: IdOrName<GroupId>,
}

/// A group of people: roles are bound to it, and everybody in it carries them.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct GroupView {
    /// Its id.
    pub id: GroupId,
    /// Its name, unique in the tenant.
    #[schema(example = "developers")]
    pub name: String,
    /// What it is for.
    #[schema(example = "Those who build the web shop")]
    pub description: String,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Group> for GroupView {
    fn from(group: &Group) -> Self {
        Self {
            id: group.id,
            name: group.name.clone(),
            description: group.description.clone(),
            generation: group.generation,
            created_at: group.created_at,
            updated_at: group.updated_at,
        }
    }
}

impl db::Subject for GroupView {
    fn object(&self) -> String {
        format!("group:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/groups/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}
