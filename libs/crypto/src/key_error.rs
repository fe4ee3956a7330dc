use fault::Kind;

use crate::{KekError, StoreError};

/// Why a tenant's keys cannot be used. It carries nothing of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The store of keys is away, for longer than keys are held.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The provider of key-encryption keys is away, for longer than keys are held.
    #[error("the tenant's keys cannot be reached: {0}")]
    Unavailable(String),
    /// The key that the tenant keeps itself is away, or refuses, for longer than keys are held.
    #[error("the key that the tenant keeps itself cannot be used: {0}")]
    External(String),
    /// No data key is held that may seal one more message.
    #[error("no data key may seal another message before the keys are fetched anew")]
    Exhausted,
    /// The value's key was made after ours were fetched.
    #[error("the value's key is newer than the keys held")]
    Outdated,
    /// The tenant's key was destroyed: what was sealed under it is gone.
    #[error("the tenant's key was destroyed")]
    Destroyed,
    /// The value does not open here. Why is nobody's business.
    #[error("the value cannot be decrypted")]
    Unreadable,
}

impl From<KekError> for KeyError {
    fn from(error: KekError) -> Self {
        match error {
            KekError::Unavailable { .. } | KekError::Refused { .. } => Self::Unavailable(error.to_string()),
            KekError::Unreadable { .. } => Self::Unreadable,
        }
    }
}

impl From<KeyError> for fault::Error {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Store(_) => Self::unavailable("The database is not reachable right now.", 2).private(error),
            KeyError::Unavailable(_) => {
                Self::unavailable("The keys of this tenant's data cannot be reached right now.", 5).private(error)
            }
            KeyError::External(_) => Self::new(
                Kind::KeyUnavailable,
                "Your organisation keeps the key of its data on a key server of its own, and that key cannot be used now: \
                 nothing can be read or written. Bring back the server, the key there or the rights of the token; all goes \
                 on by itself within a minute.",
            )
            .retry_after(30)
            .private(error),
            KeyError::Exhausted | KeyError::Outdated => {
                Self::unavailable("The keys of this tenant's data are being renewed.", 1).private(error)
            }
            KeyError::Destroyed => Self::conflict("The key of this tenant's data was destroyed: the data is gone."),
            KeyError::Unreadable => Self::internal(error),
        }
    }
}
