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
    let host = Host::of(place, up)?;
    if !host.daemon.is_current(&host.program) {
        host.daemon.stop()?;
        let mut command = host.command(place, up)?;
        if !known(api, operator, host.name)? {
            cloud::operate(api, operator)?;
            let asked = json!({"pool": cloud::POOL, "expires_in": 600});
            let token = text(&api.post("/api/v1/system/hosts/enrolments", &asked)?.json()?, "token")?;
            command = command.args(["--enrol", &token]);
        }
        host.daemon.start(command, &host.program)?;
    }
    let heard = || {
        host.daemon.must_run()?;
        Ok(known(api, operator, host.name)?.then_some(()))
    };
    sh::wait_for("the host to enrol", Duration::from_mins(1), heard)
}

/// Starts the host again; it knows who it is.
pub fn revive(place: &Place, up: &Up) -> Result<()> {
    let host = Host::of(place, up)?;
    host.daemon.start(host.command(place, up)?, &host.program)
}

struct Host {
    name: &'static str,
    program: PathBuf,
    state: PathBuf,
    daemon: Daemon,
}

impl Host {
    fn of(place: &Place, up: &Up) -> Result<Self> {
        let (name, program, state) = if up.simulated_host {
            ("simulated-host", program(place), place.dir_for("simulated-host", None)?)
        } else {
            let built = place.root.join("services/hypervisor/target/debug/yunshu-hypervisor");
            ("hypervisor", built, guests_dir(place)?)
        };
        let daemon = Daemon::named(place, name);
        Ok(Self {
            name,
            program,
            state,
            daemon,
        })
    }

    fn command(&self, place: &Place, up: &Up) -> Result<Sh> {
        let command = if up.simulated_host {
            Sh::new(&self.program).arg("simulate-host")
        } else {
            // The logs of guests' consoles belong to root.
            Sh::root_daemon(&self.program)?.args(["--libvirt", libvirt::URI])
        };
        let gateway = format!("https://localhost:{}", up.port);
        let command = command.args(["--gateway", &gateway, "--ca"]).arg(ca(place));
        Ok(command.arg("--state").arg(&self.state).args(["--name", self.name]))
    }
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
