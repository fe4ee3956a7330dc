//! What `up` left running: stopping it, and telling about it.

use std::fs;

use anyhow::{Result, bail};

use crate::{
    daemon::Daemon,
    libvirt,
    place::Place,
    sh::{Sh, step},
    up::{CONFIG, database, full, guests_dir},
};

/// Stops the programs in reverse order of their dependence: whoever looks after guests first, then the guests.
pub fn down(place: &Place) -> Result<()> {
    stop(place, &["hypervisor", "simulated-host"])?;
    if libvirt::answers() {
        let guests = libvirt::guests(&guests_dir(place)?)?;
        if !guests.is_empty() {
            step(&format!("shut {} guests off", guests.len()), || {
                libvirt::shut_off(&guests)
            })?;
        }
    }
    stop(place, &full::names())?;
    stop(place, &["yunshud", "witness", "libvirtd", "virtlogd"])?;
    let database = database::server(place)?;
    if database.is_up() {
        step("stop PostgreSQL", || database.stop())?;
    }
    println!("Stopped. ./dev up starts it again with everything it had.");
    Ok(())
}

fn stop(place: &Place, names: &[&str]) -> Result<()> {
    for name in names {
        let daemon = Daemon::named(place, name);
        if daemon.pid().is_some() {
            step(&format!("stop {name}"), || daemon.stop())?;
        }
    }
    Ok(())
}

pub fn status(place: &Place) -> Result<()> {
    let mut lines = Vec::new();
    for daemon in Daemon::all(place)? {
        let state = daemon
            .pid()
            .map_or_else(|| "stopped".to_owned(), |pid| format!("runs as {pid}"));
        lines.push((daemon.name.clone(), state, daemon.log.display().to_string()));
    }
    let database = database::server(place)?;
    let state = if database.is_up() { "runs" } else { "stopped" };
    lines.push((
        "postgresql".to_owned(),
        state.to_owned(),
        database.socket.display().to_string(),
    ));
    let state = if libvirt::answers() {
        "answers"
    } else {
        "does not answer"
    };
    lines.push(("libvirt".to_owned(), state.to_owned(), libvirt::URI.to_owned()));

    for (name, state, place) in lines {
        println!("  {name:<16} {state:<16} {place}");
    }
    if let Ok(config) = fs::read_to_string(place.state(CONFIG)) {
        for line in config
            .lines()
            .filter(|line| line.starts_with("tls") || line.starts_with("plain"))
        {
            println!("  gateway          {line}");
        }
    }
    Ok(())
}

/// Follows until interrupted. A role of the server is a part as well: its lines name it.
pub fn logs(place: &Place, part: Option<&str>) -> Result<()> {
    let known = Daemon::all(place)?;
    if known.is_empty() {
        bail!("nothing was started here yet: ./dev up");
    }
    let one = part.and_then(|part| known.iter().find(|daemon| daemon.name == part));
    match (part, one) {
        (Some(role), None) => {
            let server = Daemon::named(place, "yunshud");
            Sh::new("sh")
                .args(["-c", "tail -n 1000 -F \"$1\" | grep --line-buffered -w -- \"$0\"", role])
                .arg(server.log)
                .show()
        }
        (_, Some(daemon)) => Sh::new("tail").args(["-n", "200", "-F"]).arg(&daemon.log).show(),
        (None, None) => Sh::new("tail")
            .args(["-n", "20", "-F"])
            .args(known.iter().map(|daemon| &daemon.log))
            .show(),
    }
}
