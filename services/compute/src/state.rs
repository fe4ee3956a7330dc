use db::Db;
use tokio_util::sync::CancellationToken;

use crate::Settings;
use crate::blobs::Blobs;

/// What every handler and worker shares.
pub struct Compute {
    /// The database.
    pub db: Db,
    /// The bytes of images.
    pub blobs: Blobs,
    /// What was configured.
    pub settings: Settings,
    /// Cancelled when the service is to end: whoever waits for news answers what there is.
    pub shutdown: CancellationToken,
}
