use std::sync::Arc;
use std::time::Duration;

use db::Db;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::outbound::Outbound;

/// What every handler shares.
pub struct Notify {
    /// The database.
    pub db: Db,
    /// Where the open streams hear of events.
    pub(crate) hub: Arc<Hub>,
    /// How long one stream lives.
    pub(crate) lifetime: Duration,
    /// The longest silence on a stream.
    pub(crate) heartbeat: Duration,
    /// The way to receivers of webhooks.
    pub(crate) outbound: Outbound,
    /// Rung when somebody waits for a delivery.
    pub(crate) due: tokio::sync::Notify,
    /// Cancelled when the service is to end: every stream ends with it.
    pub(crate) shutdown: CancellationToken,
}
