//! The API keys of service accounts.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use ids::{ApiKeyId, IdOrName, ServiceAccountId};
use serde::Deserialize;

/// An account's key's path.
#[derive(Debug, Deserialize)]
pub struct InAccountKey {
    /// Id or name of the account.
    pub account: IdOrName<ServiceAccountId>,
    /// Id of the key.
    pub key: ApiKeyId,
}
