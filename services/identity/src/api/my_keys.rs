//! The caller's own API keys.

pub mod create;
pub mod delete;
pub mod list;
pub mod read;

use auth::Caller;
use ids::ApiKeyId;
use serde::Deserialize;

use crate::api_key::Holder;

/// A key's path.
#[derive(Debug, Deserialize)]
pub struct InKey {
    /// Its id.
    pub key: ApiKeyId,
}

/// Whoever asks.
fn oneself(caller: &Caller) -> Holder {
    Holder {
        tenant: caller.tenant(),
        principal: caller.principal().clone(),
    }
}
