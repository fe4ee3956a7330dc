//! What every provider must do, tried on each: the sealed file, a token, a transit server.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use futures::StreamExt;
use futures::future::{BoxFuture, join_all};
use futures::stream;

use super::{KekError, KekProvider, check};
use crate::random;

const CONTEXT: &[u8] = b"tenant 1";

/// A provider under test, and what can be done to it.
pub(crate) trait Subject: Sync {
    fn provider(&self) -> &dyn KekProvider;

    /// Another key of the same kind.
    fn other(&self) -> &dyn KekProvider;

    /// What must never be said.
    fn secrets(&self) -> Vec<String>;

    /// Takes it away; false if it cannot be.
    fn away(&self) -> BoxFuture<'_, bool> {
        Box::pin(std::future::ready(false))
    }

    /// Brings it back.
    fn back(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}

pub(crate) async fn holds(subject: &dyn Subject) {
    assert_eq!(check(subject.provider()).await, Ok(()));
    t20_a_thousand_keys_come_back(subject).await;
    t20_nothing_opens_elsewhere_spoilt_or_under_another_key(subject).await;
    fifty_at_once(subject).await;
    t22_away_and_back(subject).await;
    t24_nothing_secret_is_said(subject).await;
}

async fn t20_a_thousand_keys_come_back(subject: &dyn Subject) {
    let provider = subject.provider();
    let mut seen = std::collections::BTreeSet::new();
    let wrapped: Vec<Vec<u8>> = stream::iter(0..1_000_u16)
        .map(|number| async move {
            let (key, context) = (random(), number.to_be_bytes());
            let wrapped = provider.wrap(&key, &context).await.unwrap();
            assert_eq!(*provider.unwrap(&wrapped, &context).await.unwrap(), key, "{number}");
            wrapped
        })
        .buffer_unordered(8)
        .collect()
        .await;
    assert!(
        wrapped.into_iter().all(|wrapped| seen.insert(wrapped)),
        "t21 a nonce came twice"
    );

    // The same key twice looks like two.
    let key = random();
    let twice = [provider.wrap(&key, CONTEXT).await, provider.wrap(&key, CONTEXT).await];
    assert_ne!(twice[0], twice[1]);
}

async fn t20_nothing_opens_elsewhere_spoilt_or_under_another_key(subject: &dyn Subject) {
    let provider = subject.provider();
    let key = random();
    let wrapped = provider.wrap(&key, CONTEXT).await.unwrap();
    let unreadable = |by: &dyn KekProvider| KekError::Unreadable {
        provider: by.name().to_owned(),
    };

    for elsewhere in [b"tenant 2".as_slice(), b"tenant 1 ", b"tenant ", b""] {
        assert_eq!(provider.unwrap(&wrapped, elsewhere).await, Err(unreadable(provider)));
    }
    assert_ne!(provider.name(), subject.other().name());
    let other = subject.other();
    assert_eq!(other.unwrap(&wrapped, CONTEXT).await, Err(unreadable(other)));

    let flipped = (0..wrapped.len() * 8).map(|bit| {
        let mut bad = wrapped.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        bad
    });
    let cut = (0..wrapped.len()).map(|length| wrapped[..length].to_vec());
    let longer = [
        [wrapped.as_slice(), b"\0"].concat(),
        [wrapped.as_slice(), &wrapped].concat(),
    ];
    let spoilt: Vec<Vec<u8>> = flipped.chain(cut).chain(longer).collect();
    let opened = stream::iter(spoilt).map(|bad| async move { (provider.unwrap(&bad, CONTEXT).await, bad) });
    let mut opened = opened.buffer_unordered(8);
    while let Some((opened, bad)) = opened.next().await {
        assert_eq!(opened, Err(unreadable(provider)), "{bad:?}");
    }
    assert_eq!(
        *provider.unwrap(&wrapped, CONTEXT).await.unwrap(),
        key,
        "it is as well as before"
    );
}

async fn fifty_at_once(subject: &dyn Subject) {
    let provider = subject.provider();
    let calls = (0..50_u8).map(|number| async move {
        let key = [number; 32];
        let wrapped = provider.wrap(&key, CONTEXT).await.unwrap();
        assert_eq!(*provider.unwrap(&wrapped, CONTEXT).await.unwrap(), key);
    });
    join_all(calls).await;
}

async fn t22_away_and_back(subject: &dyn Subject) {
    let provider = subject.provider();
    let key = random();
    let wrapped = provider.wrap(&key, CONTEXT).await.unwrap();
    if !subject.away().await {
        return;
    }
    let gone = provider.unwrap(&wrapped, CONTEXT).await;
    assert!(matches!(gone, Err(KekError::Unavailable { .. })), "{gone:?}");
    let gone = provider.wrap(&key, CONTEXT).await;
    assert!(matches!(gone, Err(KekError::Unavailable { .. })), "{gone:?}");

    subject.back().await;
    let deadline = Instant::now() + Duration::from_secs(20);
    let opened = loop {
        match provider.unwrap(&wrapped, CONTEXT).await {
            Err(KekError::Unavailable { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            opened => break opened,
        }
    };
    assert_eq!(*opened.unwrap(), key);
    fifty_at_once(subject).await;
}

async fn t24_nothing_secret_is_said(subject: &dyn Subject) {
    let provider = subject.provider();
    let key = *b"canary of a tenant's key, 32 long";
    let key: [u8; 32] = key[..32].try_into().unwrap();
    let wrapped = provider.wrap(&key, CONTEXT).await.unwrap();
    let mut said = vec![format!("{provider:?} {provider:#?} {}", provider.name())];
    said.push(told(&provider.unwrap(&wrapped, b"elsewhere").await.unwrap_err()));
    said.push(told(&provider.unwrap(b"canary", CONTEXT).await.unwrap_err()));
    if subject.away().await {
        said.push(told(&provider.wrap(&key, CONTEXT).await.unwrap_err()));
        subject.back().await;
    }
    let mut secrets = subject.secrets();
    secrets.extend([
        "canary".to_owned(),
        base64::Engine::encode(&base64::prelude::BASE64_STANDARD, key),
    ]);
    secrets.push(key.map(|byte| byte.to_string()).join(", "));
    for secret in secrets {
        for words in &said {
            assert!(!words.contains(&secret), "{words} says {secret}");
        }
    }
}

fn told(error: &(impl Debug + std::fmt::Display)) -> String {
    format!("{error} {error:?}")
}

mod file {
    use super::{KekProvider, Subject, holds};
    use crate::{Kek, random};

    struct Files([Kek; 2], [u8; 32]);

    impl Subject for Files {
        fn provider(&self) -> &dyn KekProvider {
            &self.0[0]
        }

        fn other(&self) -> &dyn KekProvider {
            &self.0[1]
        }

        fn secrets(&self) -> Vec<String> {
            vec![
                self.1.map(|byte| format!("{byte:02x}")).concat(),
                self.1.map(|byte| byte.to_string()).join(", "),
            ]
        }
    }

    #[tokio::test]
    async fn the_sealed_file_is_a_provider() {
        let key = random();
        holds(&Files([Kek::new(key), Kek::new(random())], key)).await;
    }
}
