//! The Redis that tests use: Debian's, with the user that the platform signs in as and nobody else.
//! Tests find it through `YUNSHU_TEST_REDIS`, its URL, which is also written to `test.env`.

use std::{fs, net::TcpStream, time::Duration};

use anyhow::Result;

use crate::{
    daemon::Daemon,
    place::{Place, make_dir},
    sh,
    test::free_port,
};

/// Nothing is kept in it, and nobody else's machine reaches it.
const PASSWORD: &str = "test";
const PATIENCE: Duration = Duration::from_secs(20);

/// Starts it unless it runs, and waits until it answers; answers its URL.
pub fn start(place: &Place) -> Result<String> {
    let (daemon, dir) = (daemon(place), place.state("redis-test"));
    let noted = dir.join("url");
    if daemon.pid().is_some()
        && let Ok(url) = fs::read_to_string(&noted)
    {
        return Ok(url);
    }
    make_dir(&dir, 0o700)?;
    let port = free_port(6)?;
    super::start(&daemon, &dir, port, PASSWORD)?;
    let address = format!("127.0.0.1:{port}");
    sh::wait_for("Redis to answer", PATIENCE, || {
        daemon.must_run()?;
        Ok(TcpStream::connect(&address).is_ok().then_some(()))
    })?;
    let url = format!("redis://{}:{PASSWORD}@{address}", super::USER);
    fs::write(noted, &url)?;
    place.test_env("YUNSHU_TEST_REDIS", &url)?;
    Ok(url)
}

pub fn stop(place: &Place) -> Result<()> {
    daemon(place).stop().map(drop)
}

pub fn is_up(place: &Place) -> bool {
    daemon(place).pid().is_some()
}

fn daemon(place: &Place) -> Daemon {
    Daemon::named(place, "redis-test")
}
