//! Kafka behind TLS: a listener of the real one that asks for a certificate as well.

use std::path::PathBuf;
use std::time::Duration;

use events::{Kafka, KafkaLogin, KafkaSecurity, KafkaTls};
use testkit::{Bench, eventually};

use crate::broker::settings;
use crate::world::{Shape, World, Writer};

fn paper(name: &str) -> PathBuf {
    let folder = std::env::var("YUNSHU_TEST_KAFKA_PAPERS").expect(
        "YUNSHU_TEST_KAFKA_PAPERS is not set: run `cargo run -p xtask -- kafka-test start`, then `source .local/test.env` (./dev test does both)",
    );
    PathBuf::from(folder).join(name)
}

/// One of the listeners that speak TLS, by a name or an address of this machine.
fn brokers(listener: &str, host: &str) -> String {
    let address = std::env::var(format!("YUNSHU_TEST_KAFKA_{listener}"));
    let address = address.expect("it is set with YUNSHU_TEST_KAFKA_PAPERS");
    let port = address.rsplit(':').next().unwrap();
    format!("{host}:{port}")
}

fn secured(host: &str, ca: &str, own: Option<(&str, &str)>) -> Kafka {
    let tls = KafkaTls {
        ca: paper(ca),
        own: own.map(|(certificate, key)| (paper(certificate), paper(key))),
    };
    Kafka {
        brokers: brokers("TLS", host),
        security: KafkaSecurity {
            tls: Some(tls),
            ..KafkaSecurity::default()
        },
        ..settings(Shape::Kafka)
    }
}

const OWN: Option<(&str, &str)> = Some(("client.pem", "client.key"));

fn signed_in(password: &str) -> Kafka {
    let mut kafka = secured("127.0.0.1", "ca.pem", None);
    kafka.brokers = brokers("LOGIN", "127.0.0.1");
    kafka.security.login = Some(KafkaLogin {
        user: "yunshu".to_owned(),
        password: password.into(),
    });
    kafka
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_to_a_broker_that_asks_for_a_certificate() {
    events_go_through(secured("127.0.0.1", "ca.pem", OWN)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn events_go_to_a_broker_that_asks_for_a_name() {
    events_go_through(signed_in("test")).await;
}

async fn events_go_through(kafka: Kafka) {
    let mut world = World::on(Bench::new().await, Shape::Kafka).await;
    world.kafka = kafka;
    world.kafka.check().unwrap();
    world.relay();
    world.run(Writer);
    for number in 0..20 {
        world.happens(number).await;
    }
    let feed = world.feed_order().await;
    let feed: Vec<&str> = feed.iter().map(String::as_str).collect();
    world.eventually_effects(&feed).await;
}

/// Nothing is told to a broker like this; that it is there and takes what is told to it, the test above shows.
async fn is_refused(kafka: Kafka) {
    kafka.check().unwrap();
    let told = tokio::time::timeout(Duration::from_secs(4), kafka.reach()).await;
    assert!(!matches!(told, Ok(Ok(()))), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_with_anothers_certificate_is_told_nothing() {
    let known = secured("127.0.0.1", "ca.pem", OWN);
    eventually("the broker answers", async || known.reach().await.ok()).await;
    tokio::join!(
        // Signed by somebody we do not know.
        is_refused(secured("127.0.0.1", "other.pem", OWN)),
        // Signed by the right one, for another name than that by which it was reached.
        is_refused(secured("localhost", "ca.pem", OWN)),
        // And it wants to know who we are.
        is_refused(secured("127.0.0.1", "ca.pem", None)),
        // A name with another password.
        is_refused(signed_in("guessed")),
    );
}

#[test]
fn what_cannot_be_spoken_with_is_said_at_once() {
    let said = |kafka: Kafka| kafka.check().unwrap_err().to_string();
    let missing = said(secured("127.0.0.1", "nobody.pem", None));
    assert!(missing.contains("nobody.pem: No such file"), "{missing}");
    let key = said(secured("127.0.0.1", "client.key", None));
    assert!(key.contains("client.key: there is no CERTIFICATE"), "{key}");
    let certificate = said(secured("127.0.0.1", "ca.pem", Some(("client.pem", "client.pem"))));
    assert!(
        certificate.contains("client.pem: there is no PRIVATE KEY"),
        "{certificate}"
    );
    let mut clear = signed_in("test");
    clear.security.tls = None;
    let clear = said(clear);
    assert!(clear.contains("needs TLS"), "{clear}");
    let apart = said(secured("127.0.0.1", "ca.pem", Some(("ca.pem", "client.key"))));
    assert!(apart.contains("do not go together"), "{apart}");
}
