//! Flavors: wire types and endpoints. Operators make them, everybody reads them.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{FlavorId, IdOrName};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::flavor::Flavor;

/// A flavor's path.
#[derive(Debug, Deserialize)]
pub struct InFlavor {
    /// Id or name.
    pub flavor: IdOrName<FlavorId>,
}

/// A size of machine. It never changes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FlavorView {
    /// Its id.
    pub id: FlavorId,
    /// Its name.
    #[schema(example = "small")]
    pub name: String,
    /// Virtual processors.
    #[schema(example = 1)]
    pub vcpus: i32,
    /// Memory in MiB.
    #[schema(example = 512)]
    pub memory_mib: i32,
    /// Disk in GiB; 0 is none, for images that are a kernel.
    #[schema(example = 10)]
    pub disk_gib: i32,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl From<&Flavor> for FlavorView {
    fn from(flavor: &Flavor) -> Self {
        Self {
            id: flavor.id,
            name: flavor.name.clone(),
            vcpus: flavor.vcpus,
            memory_mib: flavor.memory_mib,
            disk_gib: flavor.disk_gib,
            created_at: flavor.created_at,
            updated_at: flavor.updated_at,
        }
    }
}

impl db::Subject for FlavorView {
    fn object(&self) -> String {
        format!("flavor:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/flavors/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        Some(format!("\"{}\"", self.id))
    }
}
