//! The benchmarks of `loadtest/`: those of the system that runs, and those that start what they measure.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::{
    kafka_test, libvirt,
    pg::{Entry, Server},
    place::{Place, make_dir},
    sh::Sh,
    up,
};

/// The database server of benchmarks that bring their own system.
const PG_PORT: u16 = 5435;

pub fn bench(place: &Place, only: Option<&str>) -> Result<()> {
    let known = names(place)?;
    let chosen: Vec<&String> = known
        .iter()
        .filter(|name| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        bail!("there is {}", known.join(", "));
    }
    let state = place.state("bench");
    make_dir(&state, 0o755)?;
    for name in chosen {
        println!("{name}");
        let folder = place.root.join("loadtest").join(name);
        let said = if folder.join("alone").exists() {
            alone(place, &folder)?
        } else if folder.join("bus").exists() {
            with_bus(place, &folder)?
        } else {
            beside(place, &folder)?
        };
        let kept = state.join(format!("{name}.json"));
        fs::write(&kept, said)?;
        println!("  {}", kept.display());
    }
    Ok(())
}

/// Against what `./dev up` started.
fn beside(place: &Place, folder: &Path) -> Result<String> {
    let Some(port) = up::port(place) else {
        bail!("nothing runs to be measured: ./dev up")
    };
    let login = up::sign_up(place, port, "bench")?;
    Sh::new(folder.join("run"))
        .env("YUNSHU_URL", format!("https://localhost:{port}"))
        .env("YUNSHU_CA", up::ca(place))
        .env("YUNSHU_EMAIL", &login.email)
        .env("YUNSHU_PASSWORD", &login.password)
        .env("YUNSHU_LIBVIRT", libvirt::URI)
        .read_aside()
}

/// With nothing but a database server, as durable as the real one and used by nobody else.
fn alone(place: &Place, folder: &Path) -> Result<String> {
    let server = Server::at(place, "pg-bench", PG_PORT)?;
    server.start(Entry::Open, &[("max_connections", "200"), ("shared_buffers", "256MB")])?;
    let said = Sh::new(folder.join("alone"))
        .env("YUNSHU_STATE", place.state("bench"))
        .env("YUNSHU_PG_SOCKET", &server.socket)
        .env("YUNSHU_PG_PORT", PG_PORT.to_string())
        .env("YUNSHU_PG_PID", server.pid()?)
        .read_aside();
    server.stop()?;
    said
}

/// With a database server and a Kafka that nobody else uses.
fn with_bus(place: &Place, folder: &Path) -> Result<String> {
    let server = Server::at(place, "pg-bench", PG_PORT)?;
    // When a row was committed is known to the server alone.
    let settings = [
        ("max_connections", "200"),
        ("shared_buffers", "256MB"),
        ("track_commit_timestamp", "on"),
    ];
    // Another benchmark may have left it running without.
    server.stop()?;
    server.start(Entry::Open, &settings)?;
    let said = kafka_test::aside(place, "kafka-bench", |address, pid| {
        Sh::new(folder.join("bus"))
            .env("YUNSHU_PG_SOCKET", &server.socket)
            .env("YUNSHU_PG_PORT", PG_PORT.to_string())
            .env("YUNSHU_PG_PID", server.pid()?)
            .env("YUNSHU_KAFKA", address)
            .env("YUNSHU_KAFKA_PID", pid.to_string())
            .read_aside()
    });
    server.stop()?;
    said
}

fn names(place: &Place) -> Result<Vec<String>> {
    let is_one = |folder: &Path| {
        ["run", "alone", "bus"]
            .iter()
            .any(|program| folder.join(program).exists())
    };
    let folders = fs::read_dir(place.root.join("loadtest"))?
        .flatten()
        .filter(|entry| is_one(&entry.path()));
    let mut names: Vec<String> = folders
        .map(|folder| folder.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    Ok(names)
}
