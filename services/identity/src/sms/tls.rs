//! The same over TLS: messages and the operator's secret go to whom the certificate names, and to nobody else.

use std::io::Write;
use std::time::{Duration, Instant};

use ids::EventId;
use rcgen::{CertificateParams, date_time_ymd};
use tempfile::NamedTempFile;
use testkit::Authority;
use tokio_rustls::TlsAcceptor;

use super::{Error, SmsSettings, Texter};
use crate::errand::Text;
use crate::testing::carrier::{Answer, Carrier};

const SECRET: &str = "Key canary-of-the-carrier";

/// A provider that the authority vouches for under this name.
async fn carrier(by: &Authority, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Carrier {
    Carrier::start_tls(TlsAcceptor::from(by.server_with(name, change))).await
}

/// What an operator sets who believes the authority.
fn believing(authority: &Authority, carrier: &Carrier, secret: &NamedTempFile) -> SmsSettings {
    SmsSettings {
        roots: Some(authority.pem().to_owned()),
        secret_file: Some(secret.path().to_owned()),
        patience_s: 2,
        ..carrier.settings()
    }
}

fn secret() -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "{SECRET}").unwrap();
    file
}

async fn send(settings: &SmsSettings) -> Result<(), Error> {
    let text = Text {
        to: "+4915112345678".to_owned(),
        text: "Yunshu code 31415926".to_owned(),
    };
    Texter::new(settings).unwrap().send(EventId::mint(), &text).await
}

fn by_name(carrier: &Carrier) -> String {
    carrier.url("/v1/messages").replace("127.0.0.1", "localhost")
}

#[tokio::test]
async fn a_provider_that_the_operators_authority_vouches_for_gets_message_and_proof() {
    let (ours, secret) = (Authority::default(), secret());
    let named = carrier(&ours, "localhost", |_| ()).await;
    let settings = SmsSettings {
        url: Some(by_name(&named)),
        ..believing(&ours, &named, &secret)
    };
    send(&settings).await.unwrap();
    assert_eq!(named.taken()[0].header("authorization"), SECRET);
    assert_eq!(named.taken()[0].body["to"], "+4915112345678");
    let numbered = carrier(&ours, "127.0.0.1", |_| ()).await;
    send(&believing(&ours, &numbered, &secret)).await.unwrap();
    assert_eq!(numbered.taken().len(), 1);
}

#[tokio::test]
async fn t52_whoever_is_not_shown_to_be_the_provider_learns_nothing() {
    let (ours, theirs, secret) = (Authority::default(), Authority::default(), secret());
    let other = |settings: SmsSettings| SmsSettings {
        roots: None,
        ..settings
    };
    let long_ago = |params: &mut CertificateParams| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    };
    let expired = carrier(&ours, "127.0.0.1", long_ago).await;
    let misnamed = carrier(&ours, "other.example", |_| ()).await;
    let foreign = carrier(&theirs, "127.0.0.1", |_| ()).await;
    let good = carrier(&ours, "127.0.0.1", |_| ()).await;
    let plain = Carrier::start().await;
    let to_plain = SmsSettings {
        url: Some(plain.url("/v1/messages").replace("http:", "https:")),
        ..believing(&ours, &plain, &secret)
    };
    for (what, carrier, settings) in [
        ("another authority", &foreign, believing(&ours, &foreign, &secret)),
        ("another name", &misnamed, believing(&ours, &misnamed, &secret)),
        (
            "a name that is not the address",
            &good,
            SmsSettings {
                url: Some(by_name(&good)),
                ..believing(&ours, &good, &secret)
            },
        ),
        (
            "a certificate of long ago",
            &expired,
            believing(&ours, &expired, &secret),
        ),
        (
            "an authority nobody has named",
            &good,
            other(believing(&ours, &good, &secret)),
        ),
        ("no TLS at all", &plain, to_plain),
    ] {
        let error = send(&settings).await.unwrap_err();
        assert!(matches!(error, Error::Later(_)), "{what}: {error}");
        assert!(carrier.taken().is_empty(), "{what}: it was told");
    }
    send(&believing(&ours, &good, &secret)).await.unwrap();
}

#[tokio::test]
async fn t52_a_provider_behind_tls_that_never_ends_is_left_in_time() {
    let (ours, secret) = (Authority::default(), secret());
    let there = carrier(&ours, "127.0.0.1", |_| ()).await;
    let inside = Carrier::start().await;
    let settings = believing(&ours, &there, &secret);
    for (answer, later) in [
        (Answer::Huge, true),
        (Answer::Drip, true),
        (Answer::Never, true),
        (Answer::HangUp, true),
        (Answer::Redirect(inside.url("/v1/messages")), false),
        (Answer::Status(401), false),
    ] {
        there.answers(answer.clone());
        let begin = Instant::now();
        let error = send(&settings).await.unwrap_err();
        assert_eq!(matches!(error, Error::Later(_)), later, "{answer:?}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(8), "{answer:?}");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("151123") && !told.contains("canary"), "t24: {told}");
    }
    assert!(inside.taken().is_empty(), "t50: nothing goes on over plain http");

    // One that takes the connection and never shakes hands.
    let mute = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}/", mute.local_addr().unwrap().port());
    let settings = SmsSettings {
        url: Some(url),
        ..settings
    };
    let begin = Instant::now();
    assert!(matches!(send(&settings).await, Err(Error::Later(_))));
    assert!(begin.elapsed() < Duration::from_secs(8));
}
