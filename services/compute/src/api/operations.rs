//! Long operations: wire types and endpoints.

pub mod list;
pub mod read;

use chrono::{DateTime, Utc};
use ids::{OperationId, ProjectId};
use serde::Serialize;
use utoipa::ToSchema;

use super::vms::LastErrorView;
use crate::operation::{Operation, Progress};

/// A long operation. It outlives what it was asked of.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// What was asked.
    #[schema(example = "vm.create")]
    pub kind: String,
    /// How far it got.
    #[schema(example = "running")]
    pub status: Progress,
    /// A rough measure, 0 to 100.
    #[schema(example = 50)]
    pub progress: u8,
    /// The path of what it was asked of.
    #[schema(
        example = "/api/v1/projects/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3/vms/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b4"
    )]
    pub resource: String,
    /// Its project.
    pub project_id: ProjectId,
    /// Why it failed or was cancelled.
    pub error: Option<LastErrorView>,
    /// When it was asked.
    pub created_at: DateTime<Utc>,
    /// When it last got further.
    pub updated_at: DateTime<Utc>,
    /// When a host began with it.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

impl From<&Operation> for OperationView {
    fn from(operation: &Operation) -> Self {
        Self {
            id: operation.id,
            kind: operation.kind.clone(),
            status: operation.progress,
            progress: operation.progress.percent(),
            resource: format!("/api/v1/projects/{}/vms/{}", operation.project, operation.vm),
            project_id: operation.project,
            error: operation.error.as_ref().map(LastErrorView::from),
            created_at: operation.created_at,
            updated_at: operation.updated_at,
            started_at: operation.started_at,
            finished_at: operation.finished_at,
        }
    }
}

impl db::Subject for OperationView {
    fn object(&self) -> String {
        format!("operation:{}", self.id)
    }

    fn location(&self) -> Option<String> {
        Some(format!("/api/v1/operations/{}", self.id))
    }

    fn etag(&self) -> Option<String> {
        let word = self.status.name();
        Some(format!("\"{}-{word}\"", self.updated_at.timestamp_micros()))
    }
}
