//! The host that virtual machines run on: this machine through libvirt, or a simulated one.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use serde_json::{Value, json};

use super::{
    Up, cloud,
    server::{Login, ca, program},
};
use crate::{
    daemon::Daemon,
    http::{Api, text},
    libvirt,
    place::Place,
    sh::{self, Sh},
};

/// Enrols the host once, starts it, and waits until the platform hears from it.
pub fn start(place: &Place, up: &Up, api: &mut Api, operator: &Login) -> Result<()> {
    let (name, exe, state) = if up.simulated_host {
        ("simulated-host", program(place), place.dir_for("simulated-host", None)?)
    } else {
        (
            "hypervisor",
            place.root.join("services/hypervisor/target/debug/yunshu-hypervisor"),
            guests_dir(place)?,
        )
    };
    let daemon = Daemon::named(place, name);
    if !daemon.is_current(&exe) {
        daemon.stop()?;
        let mut command = if up.simulated_host {
            Sh::new(&exe).arg("simulate-host")
        } else {
            // The logs of guests' consoles belong to root.
            Sh::root_daemon(&exe)?.args(["--libvirt", libvirt::URI])
        };
        command = command.args(["--gateway", &format!("https://localhost:{}", up.port), "--ca"]);
        command = command.arg(ca(place)).arg("--state").arg(&state).args(["--name", name]);
        if !known(api, operator, name)? {
            cloud::operate(api, operator)?;
            let asked = json!({"pool": cloud::POOL, "expires_in": 600});
            let token = text(&api.post("/api/v1/system/hosts/enrolments", &asked)?.json()?, "token")?;
            command = command.args(["--enrol", &token]);
        }
        daemon.start(command, &exe)?;
    }
    let heard = || {
        daemon.must_run()?;
        Ok(known(api, operator, name)?.then_some(()))
    };
    sh::wait_for("the host to enrol", Duration::from_mins(1), heard)
}

/// Starts the real host's agent again; it knows who it is.
pub fn revive(place: &Place, up: &Up) -> Result<()> {
    let daemon = Daemon::named(place, "hypervisor");
    let command = Sh::new(place.root.join("services/hypervisor/target/debug/yunshu-hypervisor"))
        .args([
            "--libvirt",
            libvirt::URI,
            "--gateway",
            &format!("https://localhost:{}", up.port),
            "--ca",
        ])
        .arg(ca(place))
        .arg("--state")
        .arg(guests_dir(place)?)
        .args(["--name", "hypervisor"]);
    daemon.start(command)
}

fn known(api: &mut Api, operator: &Login, name: &str) -> Result<bool> {
    cloud::operate(api, operator)?;
    let hosts = api.get("/api/v1/system/hosts")?.json()?;
    let items = hosts.get("items").and_then(Value::as_array);
    Ok(items.is_some_and(|items| items.iter().any(|host| cloud::is(host, name))))
}

/// Guests run as a user of libvirt's that must reach their disks.
pub fn guests_dir(place: &Place) -> Result<PathBuf> {
    place.dir_open_to("hypervisor", "libvirt-qemu")
}
