//! By what service accounts prove themselves for access tokens: secrets, of which a hash is kept, and public keys.

use chrono::{DateTime, Utc};
use ids::AccountCredentialId;

use crate::oauth::jwk::PublicJwk;

/// As many as one account may have.
pub const MOST: i64 = 10;

/// A credential as it is kept.
#[derive(Debug, Clone)]
pub struct Credential {
    /// Its id.
    pub id: AccountCredentialId,
    /// What people call it.
    pub name: String,
    /// What it is.
    pub what: What,
    /// When it ends.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// What proves an account.
#[derive(Debug, Clone)]
pub enum What {
    /// A secret of this SHA-256.
    Secret(Vec<u8>),
    /// The private half of this key.
    Key(PublicJwk),
}
