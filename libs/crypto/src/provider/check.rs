use zeroize::Zeroizing;

use super::{KekError, KekProvider};
use crate::random;

/// Wraps and unwraps a key that is nobody's, and fails if the provider does not do so as it must. What `context` is for is
/// proven too: a server that is too old to know of additional data takes it, and forgets it.
pub async fn check(provider: &dyn KekProvider) -> Result<(), KekError> {
    let key = Zeroizing::new(random::<32>());
    let wrapped = provider.wrap(&key, b"yunshu check").await?;
    if *provider.unwrap(&wrapped, b"yunshu check").await? != *key {
        return Err(refused(provider, "it unwraps another key than it wrapped"));
    }
    match provider.unwrap(&wrapped, b"yunshu check elsewhere").await {
        Err(KekError::Unreadable { .. }) => Ok(()),
        Ok(_) => Err(refused(
            provider,
            "it does not authenticate where a key belongs: a newer release of it is needed",
        )),
        Err(error) => Err(error),
    }
}

fn refused(provider: &dyn KekProvider, cause: &str) -> KekError {
    KekError::Refused {
        provider: provider.name().to_owned(),
        cause: cause.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use futures::future::BoxFuture;

    use super::*;
    use crate::Kek;

    #[derive(Debug)]
    enum Spoilt {
        ForgetsContext(Kek),
        Mistakes(Kek),
    }

    impl Spoilt {
        fn kek(&self) -> &Kek {
            match self {
                Self::ForgetsContext(kek) | Self::Mistakes(kek) => kek,
            }
        }
    }

    impl KekProvider for Spoilt {
        fn name(&self) -> &str {
            self.kek().name()
        }

        fn wrap<'a>(&'a self, key: &'a [u8; 32], context: &'a [u8]) -> BoxFuture<'a, Result<Vec<u8>, KekError>> {
            match self {
                Self::ForgetsContext(kek) => KekProvider::wrap(kek, key, b""),
                Self::Mistakes(kek) => KekProvider::wrap(kek, &[7; 32], context),
            }
        }

        fn unwrap<'a>(
            &'a self,
            wrapped: &'a [u8],
            context: &'a [u8],
        ) -> BoxFuture<'a, Result<Zeroizing<[u8; 32]>, KekError>> {
            match self {
                Self::ForgetsContext(kek) => KekProvider::unwrap(kek, wrapped, b""),
                Self::Mistakes(kek) => KekProvider::unwrap(kek, wrapped, context),
            }
        }
    }

    #[tokio::test]
    async fn t20_a_provider_that_forgets_the_context_is_no_provider() {
        assert_eq!(check(&Kek::new(random())).await, Ok(()));
        for (provider, complaint) in [
            (Spoilt::ForgetsContext(Kek::new(random())), "where a key belongs"),
            (Spoilt::Mistakes(Kek::new(random())), "another key"),
        ] {
            let error = check(&provider).await.unwrap_err().to_string();
            assert!(error.contains("refuses") && error.contains(complaint), "{error}");
        }
    }
}
