//! The Apache Kafka that tests use.
//! Tests find it through `YUNSHU_TEST_KAFKA`, its address, which is also written to `test.env`.

use std::{fs, net::TcpStream, time::Duration};

use anyhow::{Context, Result};

use crate::{daemon::Daemon, kafka::Node, place::Place, sh, test::free_port};

const PATIENCE: Duration = Duration::from_mins(1);

/// Starts it unless it runs, and does not wait; answers its address.
pub fn begin(place: &Place) -> Result<String> {
    let daemon = daemon(place);
    let noted = place.state("kafka-test").join("address");
    if daemon.pid().is_some()
        && let Ok(address) = fs::read_to_string(&noted)
    {
        return Ok(address);
    }
    daemon.stop()?;
    let dir = place.state("kafka-test");
    if dir.exists() {
        // What tests left in it is nobody's.
        fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
    }
    let (port, controller) = (free_port(4)?, free_port(5)?);
    Node::at(dir, port, controller)?.start(&daemon)?;
    let address = format!("127.0.0.1:{port}");
    fs::write(noted, &address)?;
    place.test_env("YUNSHU_TEST_KAFKA", &address)?;
    Ok(address)
}

/// Starts it unless it runs, and waits until it answers.
pub fn start(place: &Place) -> Result<String> {
    let address = begin(place)?;
    let daemon = daemon(place);
    sh::wait_for("Kafka to answer", PATIENCE, || {
        daemon.must_run()?;
        Ok(TcpStream::connect(&address).is_ok().then_some(()))
    })?;
    Ok(address)
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
