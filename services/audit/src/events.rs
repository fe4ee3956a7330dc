//! What this service emits beside its entries.

use chrono::{DateTime, Utc};
use db::Event;
use ids::ProjectId;
use serde::Serialize;

use crate::store::checkpoints::Signed;

/// The log was signed for. It tells how many entries there are, and nothing of what is in them.
#[derive(Debug, Clone, Serialize)]
pub struct CheckpointSigned {
    /// What the log is called in its checkpoints.
    origin: String,
    /// How many entries it covers.
    size: i64,
    /// The root of the tree over them, in base64.
    root: String,
    /// The whole signed note: what verifiers take as a checkpoint from before.
    note: String,
    /// When it was signed.
    created_at: DateTime<Utc>,
}

impl CheckpointSigned {
    /// The event of this checkpoint, with the cosignatures that it has so far.
    pub fn of(origin: String, signed: &Signed) -> Self {
        Self {
            origin,
            size: signed.size,
            root: signed.root.to_string(),
            note: signed.whole(),
            created_at: signed.created_at,
        }
    }
}

impl Event for CheckpointSigned {
    const KIND: &'static str = "audit.checkpoint_signed";

    fn subject(&self) -> String {
        format!("checkpoint:{}", self.size)
    }

    fn project(&self) -> Option<ProjectId> {
        None
    }
}
