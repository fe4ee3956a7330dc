use crypto::Kek;
use db::Db;
use events::Feed;

use crate::readings::Readings;

/// What every handler shares.
pub struct Audit {
    /// The database.
    pub db: Db,
    /// Where it hears of what happens.
    pub feed: Feed,
    /// What the entries' changes are sealed with.
    pub kek: Kek,
    /// Who read the log lately.
    pub(crate) readings: Readings,
}
