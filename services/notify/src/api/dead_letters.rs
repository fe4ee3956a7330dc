//! What consumers could not apply: wire types and endpoints, for the platform's operators.

pub mod drop;
pub mod list;
pub mod read;
pub mod replay;
pub mod replay_some;

use chrono::{DateTime, Utc};
use db::{Reason, Subject};
use ids::{EventId, LetterId, ProjectId, RequestId, TenantId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::letter::Letter;
use crate::state::Notify;
use crate::store;

/// A letter's path.
#[derive(Debug, Deserialize)]
pub struct OfLetter {
    /// Id.
    pub letter: LetterId,
}

/// What becomes of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterState {
    /// It waits for somebody to look at it.
    Waiting,
    /// Its consumer is asked to apply it again.
    Replaying,
    /// Somebody has given it up.
    Dropped,
}

/// An event that a consumer could not apply. What is in the event is its tenant's and not shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeadLetterView {
    /// Its id.
    pub id: LetterId,
    /// Which consumer could not apply it.
    #[schema(example = "audit")]
    pub consumer: String,
    /// The event's id.
    pub event_id: EventId,
    /// Whose event it is.
    pub tenant_id: TenantId,
    /// What happened.
    #[schema(example = "vm.created")]
    pub kind: String,
    /// In which shape its data is.
    #[schema(example = 1)]
    pub version: u32,
    /// To what.
    #[schema(example = "vm:0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3")]
    pub subject: String,
    /// In which project.
    pub project_id: Option<ProjectId>,
    /// In which request; null for what workers do.
    pub request_id: Option<RequestId>,
    /// When it happened.
    pub time: DateTime<Utc>,
    /// Why it could not be applied the last time.
    #[schema(
        example = "schema from the future: version 2 of vm.created, and version 1 is the newest this release knows"
    )]
    pub cause: String,
    /// How often it was tried.
    #[schema(example = 5)]
    pub attempts: u32,
    /// What becomes of it.
    pub state: LetterState,
    /// Since when its consumer is asked to apply it again.
    pub replay_at: Option<DateTime<Utc>>,
    /// Why it was given up; null for a letter that is there.
    pub reason: Option<String>,
    /// When it failed last.
    pub died_at: DateTime<Utc>,
}

impl From<Letter> for DeadLetterView {
    fn from(letter: Letter) -> Self {
        Self {
            id: letter.id,
            consumer: letter.consumer,
            event_id: letter.event,
            tenant_id: letter.tenant,
            kind: letter.kind,
            version: letter.version,
            subject: letter.subject,
            project_id: letter.project,
            request_id: letter.request,
            time: letter.time,
            cause: letter.cause,
            attempts: letter.attempts,
            state: if letter.replay_at.is_some() {
                LetterState::Replaying
            } else {
                LetterState::Waiting
            },
            replay_at: letter.replay_at,
            reason: None,
            died_at: letter.died_at,
        }
    }
}

impl Subject for DeadLetterView {
    fn object(&self) -> String {
        format!("dead_letter:{}", self.id)
    }
}

/// A letter wherever it is: operators name it by its id alone.
pub async fn find(notify: &Notify, id: LetterId) -> Result<Letter, fault::Error> {
    let mut tx = notify.db.system(Reason::Operator).await?;
    let found = store::letters::lookup(&mut tx, id).await?;
    found.ok_or_else(gone)
}

/// It was applied or dropped, or never was.
pub fn gone() -> fault::Error {
    fault::Error::not_found("dead letter")
}
