use crypto::Kek;
use db::Db;

use crate::readings::Readings;

/// What every handler shares.
pub struct Audit {
    /// The database.
    pub db: Db,
    /// What the entries' changes are sealed with.
    pub kek: Kek,
    /// Who read the log lately.
    pub(crate) readings: Readings,
}
