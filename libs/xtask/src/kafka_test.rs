//! The Apache Kafka that tests use.
//! Tests find it through `YUNSHU_TEST_KAFKA`, its address, `YUNSHU_TEST_KAFKA_TLS`, where it asks for a certificate,
//! `YUNSHU_TEST_KAFKA_LOGIN`, where it asks who one is, and `YUNSHU_TEST_KAFKA_PAPERS`, the folder of the certificates for both;
//! all are also written to `test.env`.

use std::{fs, net::TcpStream, time::Duration};

use anyhow::{Context, Result};

use crate::{daemon::Daemon, kafka::Node, place::Place, sh, test::free_port};

const PATIENCE: Duration = Duration::from_mins(1);

/// Starts it unless it runs, and does not wait; answers what tests find it through.
pub fn begin(place: &Place) -> Result<Found> {
    let (daemon, dir) = (daemon(place), place.state("kafka-test"));
    let noted = dir.join("addresses");
    let found = |addresses: &str| {
        let mut addresses = addresses.split(' ').map(str::to_owned);
        let mut next = || addresses.next().context("three addresses");
        let papers = dir.to_string_lossy().into_owned();
        let found = [
            ("YUNSHU_TEST_KAFKA", next()?),
            ("YUNSHU_TEST_KAFKA_TLS", next()?),
            ("YUNSHU_TEST_KAFKA_LOGIN", next()?),
            ("YUNSHU_TEST_KAFKA_PAPERS", papers),
        ];
        Ok(found)
    };
    if daemon.pid().is_some()
        && let Ok(addresses) = fs::read_to_string(&noted)
    {
        return found(&addresses);
    }
    let addresses = anew(place, &daemon)?.join(" ");
    fs::write(noted, &addresses)?;
    let found = found(&addresses)?;
    for (name, value) in &found {
        place.test_env(name, value)?;
    }
    Ok(found)
}

/// Variables of tests, and what they say; the first is the address.
pub type Found = [(&'static str, String); 4];

/// Starts an empty one; where it listens: in the clear, for certificates, for names.
fn anew(place: &Place, daemon: &Daemon) -> Result<[String; 3]> {
    daemon.stop()?;
    let dir = place.state(&daemon.name);
    if dir.exists() {
        // What was left in it is nobody's.
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    // The sixth is for Redis, which is not there yet either.
    let (port, controller, tls, login) = (free_port(4)?, free_port(5)?, free_port(7)?, free_port(8)?);
    Node::secured(dir, [port, controller, tls, login])?.start(daemon)?;
    Ok([port, tls, login].map(|port| format!("127.0.0.1:{port}")))
}

/// Starts it unless it runs, and waits until it answers.
pub fn start(place: &Place) -> Result<String> {
    let [(_, address), ..] = begin(place)?;
    answers(&daemon(place), &address)?;
    Ok(address)
}

fn answers(daemon: &Daemon, address: &str) -> Result<()> {
    sh::wait_for("Kafka to answer", PATIENCE, || {
        daemon.must_run()?;
        Ok(TcpStream::connect(address).is_ok().then_some(()))
    })
}

/// Does something with an empty one of its own, given its address and its process.
pub fn aside<T>(place: &Place, name: &str, work: impl FnOnce(&str, u32) -> Result<T>) -> Result<T> {
    let daemon = Daemon::named(place, name);
    let [address, ..] = anew(place, &daemon)?;
    let worked = answers(&daemon, &address)
        .and_then(|()| daemon.pid().context("Kafka runs"))
        .and_then(|pid| work(&address, pid));
    daemon.stop()?;
    worked
}

pub fn stop(place: &Place) -> Result<()> {
    daemon(place).stop().map(drop)
}

pub fn is_up(place: &Place) -> bool {
    daemon(place).pid().is_some()
}

fn daemon(place: &Place) -> Daemon {
    Daemon::named(place, "kafka-test")
}
