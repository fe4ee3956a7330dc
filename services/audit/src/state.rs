use chrono::TimeDelta;
use db::Db;
use events::Feed;

use crate::log::Log;
use crate::readings::Readings;
use crate::settings::Pace;

/// What every handler shares.
pub struct Audit {
    /// The database.
    pub db: Db,
    /// Where it hears of what happens.
    pub feed: Feed,
    /// What checkpoints are signed with.
    pub log: Log,
    /// How often that is.
    pub pace: Pace,
    /// How long a tenant is told of no further checkpoint.
    pub tell: TimeDelta,
    /// Who read the log lately.
    pub(crate) readings: Readings,
}
