//! Projects: wire types and endpoints.

pub mod create;
pub mod delete;
pub mod list;
pub mod modify;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{IdOrName, ProjectId};
use scope::Project;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A project's path.
#[derive(Debug, Deserialize)]
pub struct InProject {
    /// Id or name.
    pub project: IdOrName<ProjectId>,
}

/// A project: the drawer most resources live in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ProjectView {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique in the tenant.
    #[schema(example = "shop")]
    pub name: String,
    /// What it is for.
    #[schema(example = "The web shop")]
    pub description: String,
    /// Counts its changes; also its `ETag`.
    #[schema(example = 1)]
    pub generation: i64,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Project> for ProjectView {
    fn from(project: &Project) -> Self {
        Self {
            id: project.id,
            name: project.name.clone(),
            description: project.description.clone(),
            generation: project.generation,
            created_at: project.created_at,
            updated_at: project.updated_at,
        }
    }
}

impl db::Subject for ProjectView {
    fn object(&self) -> String {
        format!("project:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/projects/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.generation))
    }
}
