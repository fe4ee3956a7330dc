//! The same over TLS: what a tenant's receiver is told, it is told alone.

use testkit::Authority;

use crate::settings::{Settings, WebhookSettings};
use crate::testing::receiver::Receiver;
use crate::testing::sending::{Kept, Sending};

/// One delivery to a receiver whose certificate is by `by` and says `name`, sent by who believes `believed`.
async fn delivered(believed: &Authority, by: &Authority, name: &str) -> (Kept, Receiver, String) {
    let receiver = Receiver::over_tls(by.server(name)).await;
    let settings = Settings {
        webhooks: WebhookSettings {
            plain_http: false,
            roots: Some(believed.pem().to_owned()),
            ..receiver.settings().webhooks
        },
        ..Settings::default()
    };
    let test = Sending::with(&settings, receiver).await;
    let acme = test.bench.tenant("acme").await;
    let (webhook, secret) = test.webhook(&acme, "a", &test.receiver.url("/200")).await;
    let delivery = test.due(&acme, webhook).await;
    assert!(test.round().await);
    (test.kept(delivery).await, test.receiver.clone(), secret)
}

#[tokio::test]
async fn a_receiver_that_proves_its_name_is_told() {
    let ours = Authority::default();
    let (kept, receiver, secret) = delivered(&ours, &ours, "127.0.0.1").await;
    assert_eq!((kept.state.as_str(), kept.status), ("delivered", Some(200)));
    let taken = receiver.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].signed_by(&secret), [true]);
}

#[tokio::test]
async fn t50_who_does_not_prove_its_name_is_told_nothing() {
    let (ours, theirs) = (Authority::default(), Authority::default());
    for (by, name) in [(&theirs, "127.0.0.1"), (&ours, "other.example")] {
        let (kept, receiver, _) = delivered(&ours, by, name).await;
        assert_eq!((kept.state.as_str(), kept.status), ("pending", None), "{name}");
        assert_eq!(kept.error.as_deref(), Some("unreachable"), "{name}");
        assert_eq!(receiver.taken().len(), 0, "{name}");
    }
}

#[tokio::test]
async fn t50_what_was_written_down_as_plain_http_is_not_sent_once_that_is_forbidden() {
    let receiver = Receiver::start().await;
    let settings = Settings {
        webhooks: WebhookSettings {
            plain_http: false,
            ..receiver.settings().webhooks
        },
        ..Settings::default()
    };
    let test = Sending::with(&settings, receiver).await;
    let acme = test.bench.tenant("acme").await;
    let (webhook, _) = test.webhook(&acme, "a", &test.receiver.url("/200")).await;
    let delivery = test.due(&acme, webhook).await;
    assert!(test.round().await);
    assert_eq!(test.kept(delivery).await.error.as_deref(), Some("address_not_allowed"));
    assert_eq!(test.receiver.taken().len(), 0);
}
