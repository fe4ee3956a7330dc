//! The feed of events, and consumers whose effects happen once.
//!
//! # What it guarantees
//! An event is written in the commit of its change ([`db::Change::emit`]). A [`Consumer`] writes its effect, its inbox
//! row and its position in one commit: whatever dies in between, the effect is there once. Events are read in the
//! order of `(xact, seq)` and only below the oldest running transaction (`pg_snapshot_xmin`): sequence order is not
//! commit order, and a reader that asks for `seq > last` loses the row that commits late.
//!
//! # What it refuses
//! To stop at a poison event: what cannot be applied after [`ATTEMPTS`] tries goes to the dead letters with its cause,
//! and the feed goes on. What fails because a part is away is tried again for as long as it takes. A batch in which one
//! event fails is rolled back as a whole; the events before it are then applied without it, and it by itself: there are
//! no savepoints, so nothing of a failed try, its events included, can slip into a commit.
//!
//! To let a tenant whose keys are away hold up others: what such a consumer is told of it waits aside, in order (`park`).
//!
//! # The two feeds
//! [`Feed`] is the one type: events are read from `PostgreSQL`, or heard of through Kafka ([`kafka`] says how). Producers write
//! the same row, consumers are the same [`Consumer`], and the same tests pass on both; [`run`] and [`relay`] are all that
//! services know.
//!
//! # Dead letters
//! What cannot be applied, or comes in a shape of a later release, is kept with its cause. Operators look after it through
//! notify; what they want to have applied again is applied by the consumer itself, once ([`replay_once`]).

mod backoff;
mod consumer;
mod feed;
pub mod kafka;
mod ledger;
mod letters;
mod park;
mod position;
pub mod step;
mod store;
mod sweep;
mod tail;

pub use consumer::{ATTEMPTS, Consumer, Failed};
pub use feed::{Feed, relay, ring, run};
pub use kafka::{Insecure as KafkaInsecure, Kafka, Login as KafkaLogin, Security as KafkaSecurity, Tls as KafkaTls};
pub use letters::replay_once;
pub use position::{NotAPosition, Position};
pub use store::{Batch, since, swept};
pub use sweep::{KEEP_ENTRIES, KEEP_EVENTS, sweep, sweep_once};
pub use tail::Tail;

use chrono::{DateTime, Utc};
use ids::{EventId, ProjectId, RequestId, TenantId};

/// An event as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    /// Its id; the same however often it is delivered.
    pub id: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Where it stands in the feed.
    pub position: Position,
    /// What happened, e.g. `vm.created`.
    pub kind: String,
    /// In which shape its data is.
    pub version: u32,
    /// To what, e.g. `vm:0192…`.
    pub subject: String,
    /// In which project.
    pub project: Option<ProjectId>,
    /// The request in whose commit it was written; none for workers.
    pub request: Option<RequestId>,
    /// What there is to know.
    pub data: serde_json::Value,
    /// When.
    pub time: DateTime<Utc>,
}
