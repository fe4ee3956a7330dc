//! One process per role, with Redis and Kafka: the shape of many machines on one.

mod parts;
mod supervise;

use std::{collections::BTreeMap, fs, net::TcpStream, time::Duration};

use anyhow::{Context, Result};

use super::{Up, server};
use crate::{
    daemon::Daemon,
    http::Api,
    place::{Place, make_dir},
    secrets,
    sh::{self, Sh},
    test::free_port,
};
use parts::Parts;

pub use parts::ROLES;
use parts::config_of;
pub use supervise::supervise;

/// Whoever starts again what ended.
const SUPERVISOR: &str = "supervisor";
/// Where services listen; chosen once, and again when somebody else has one.
const PORTS: [&str; 8] = [
    "identity",
    "compute",
    "audit",
    "notify",
    "portal",
    "redis",
    "kafka",
    "kafka-controller",
];

/// Every program of this shape, in the order in which they end.
pub fn names() -> Vec<&'static str> {
    let mut names = vec![SUPERVISOR];
    names.extend(ROLES.iter().rev());
    names.extend(["redis", "kafka"]);
    names
}

/// Whether this shape runs.
pub fn is_up(place: &Place) -> bool {
    names().iter().any(|name| Daemon::named(place, name).pid().is_some())
}

/// Ends it; the database stays.
pub fn stop(place: &Place) -> Result<()> {
    names()
        .iter()
        .try_for_each(|name| Daemon::named(place, name).stop().map(drop))
}

/// Writes what each process is told, and makes its certificate.
pub fn configure(place: &Place, up: &Up) -> Result<()> {
    let ports = ports(place)?;
    secrets::password(place, "redis.password")?;
    let passport = secrets::key(place, "passport.key")?;
    let common = server::config(place, up)?;
    for role in ROLES {
        let issue = server::yunshud_bare(place)
            .args(["mesh", "issue", "--roles", role, "--folder"])
            .arg(place.state("mesh"));
        let mut shown = issue.read()?;
        shown.push('\n');
        let config = parts::config(place, &common, &shown, &ports, &passport)?;
        fs::write(place.state(&config_of(role)), config)?;
    }
    Ok(())
}

/// Starts everything, or again what was built or configured anew, and waits until it can serve.
pub fn start(place: &Place, up: &Up) -> Result<Api> {
    let supervisor = Daemon::named(place, SUPERVISOR);
    let told = told(place)?;
    let seen = place.state("run/full.toml");
    let current =
        supervisor.is_current(&server::program(place)) && fs::read_to_string(&seen).is_ok_and(|then| then == told);
    if !current {
        stop(place)?;
        server::free(up.port, "--port")?;
        server::free(up.plain_port, "--plain-port")?;
        // Says at once what is missing on this machine.
        Parts::of(place, &ports(place)?)?.prepare()?;
        // This very program, also where cargo has put another in its place meanwhile.
        let command = Sh::new("/proc/self/exe")
            .arg("supervise")
            .env("YUNSHU_STATE", &place.state)
            .env("CARGO_MANIFEST_DIR", place.root.join("libs/xtask"))
            .dir(&place.root);
        supervisor.start(command, &server::program(place))?;
        fs::write(seen, told)?;
        // Where the chores look for the gateway that runs.
        fs::copy(place.state(server::CONFIG), place.state("run/yunshud.toml"))?;
    }
    let made = || {
        supervisor.must_run()?;
        Ok(server::ca(place).exists().then_some(()))
    };
    sh::wait_for("the development CA", Duration::from_mins(1), made)?;
    let api = Api::new(up.port, &server::ca(place))?;
    let ready = || {
        supervisor.must_run()?;
        Ok(api.get("/readyz").ok().filter(|answer| answer.status == 200))
    };
    sh::wait_for("every role to be ready", Duration::from_mins(1), ready).context("./dev logs <role> tells more")?;
    Ok(api)
}

/// Waits until the supervisor has started a part again and it takes connections.
pub fn is_back(place: &Place, up: &Up, name: &str) -> Result<()> {
    let port = ports(place)?.get(name).copied().unwrap_or(up.port);
    let answers = || Ok(TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    sh::wait_for(
        &format!("{name} to take connections again"),
        Duration::from_mins(1),
        answers,
    )
}

/// Where one of them listens.
pub fn port(place: &Place, name: &str) -> Result<u16> {
    let port = ports(place)?.get(name).copied();
    port.with_context(|| format!("no port for {name}"))
}

/// What they are told. Certificates are not part of it: they are taken up without a restart.
fn told(place: &Place) -> Result<String> {
    let file = place.state(&config_of("gateway"));
    fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
}

/// A port for each listener that is not the gateway's. While they are in use they stay as they are.
fn ports(place: &Place) -> Result<BTreeMap<String, u16>> {
    let file = place.state("run/ports.toml");
    make_dir(&place.state("run"), 0o755)?;
    let known: BTreeMap<String, u16> = fs::read_to_string(&file)
        .ok()
        .and_then(|text| toml::from_str(&text).ok())
        .unwrap_or_default();
    let whole = PORTS.iter().all(|name| known.contains_key(*name));
    if whole && (is_up(place) || known.values().all(|port| server::free(*port, "").is_ok())) {
        return Ok(known);
    }
    // Behind those that tests on the same machine take.
    let chosen = PORTS.iter().enumerate();
    let chosen: BTreeMap<String, u16> = chosen
        .map(|(nth, name)| Ok(((*name).to_owned(), free_port(10 + nth)?)))
        .collect::<Result<_>>()?;
    fs::write(&file, toml::to_string(&chosen)?)?;
    Ok(chosen)
}
