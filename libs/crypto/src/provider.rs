mod check;
#[cfg(test)]
mod conformance;
mod pkcs11;
mod settings;
mod transit;

use std::fmt;

use futures::future::BoxFuture;
use zeroize::Zeroizing;

pub use check::check;
pub use pkcs11::Pkcs11;
pub use settings::{Pkcs11Settings, ProviderSettings, TransitSettings};
pub use transit::{ANSWER, PATIENCE, Transit};

use crate::Kek;

/// Keeps a key-encryption key that never leaves it, and wraps other keys by it.
///
/// Providers may be on another machine: calls take time and fail, and never happen inside a database transaction.
/// `context` is authenticated and not kept: who unwraps must say the same again, so that a wrapped key that was moved
/// (to another tenant's row) does not unwrap.
pub trait KekProvider: Send + Sync + fmt::Debug {
    /// Which provider and key, in a form that is kept beside what was wrapped: `file:<print>`. A wrapped key is
    /// unwrapped by the provider of this name.
    fn name(&self) -> &str;

    /// Wraps a key.
    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>>;

    /// Unwraps what [`wrap`](Self::wrap) made.
    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>>;
}

/// Why a provider did not wrap or unwrap. It carries nothing of the keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KekError {
    /// It does not answer, or not in time. Later it may.
    #[error("the key provider {provider} cannot be reached: {cause}")]
    Unavailable { provider: String, cause: String },
    /// It answers that it will not: the key is gone or disabled, or we may not use it.
    #[error("the key provider {provider} refuses: {cause}")]
    Refused { provider: String, cause: String },
    /// What was to be unwrapped was not wrapped by this key for this context.
    #[error("the wrapped key is not one of {provider}, or not of this place")]
    Unreadable { provider: String },
}

impl KekProvider for Kek {
    fn name(&self) -> &str {
        self.print()
    }

    fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
        let wrapped = Kek::wrap(self, key, context).map_err(|_| self.unreadable());
        Box::pin(std::future::ready(wrapped))
    }

    fn unwrap<'a>(
        &'a self,
        wrapped: &'a [u8],
        context: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>> {
        let key = Kek::unwrap(self, wrapped, context).map_err(|_| self.unreadable());
        Box::pin(std::future::ready(key))
    }
}

impl Kek {
    fn unreadable(&self) -> KekError {
        KekError::Unreadable {
            provider: self.print().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random;

    #[tokio::test]
    async fn t20_a_wrapped_key_opens_under_its_key_and_for_its_context_only() {
        let (kek, other) = (Kek::new(random()), Kek::new(random()));
        let key = random();
        let wrapped = KekProvider::wrap(&kek, &key, b"tenant 1").await.unwrap();

        assert_eq!(*KekProvider::unwrap(&kek, &wrapped, b"tenant 1").await.unwrap(), key);
        let refused = |provider: &Kek| KekError::Unreadable {
            provider: provider.name().to_owned(),
        };
        assert_eq!(
            KekProvider::unwrap(&kek, &wrapped, b"tenant 2").await,
            Err(refused(&kek))
        );
        assert_eq!(
            KekProvider::unwrap(&other, &wrapped, b"tenant 1").await,
            Err(refused(&other))
        );
        assert!(kek.name().starts_with("file:") && kek.name() != other.name());
    }
}
