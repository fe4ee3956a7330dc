//! The real thing, from nothing, on ports of its own: browser, fuzzer and a guest that boots.

use std::net::TcpListener;

use anyhow::Result;

use super::{fuzz, kills, report::Report};
use crate::{
    libvirt, npm,
    place::Place,
    running, secrets,
    up::{self, Up, guests_dir},
};

pub fn run(place: &Place, report: &mut Report) -> Result<()> {
    let own = Place::at(place.root.clone(), place.state("ci"))?;
    stop(&own)?;
    own.clear()?;
    let options = Up {
        simulated_host: false,
        port: free_port()?,
        plain_port: free_port()?,
    };
    let done = drive(&own, &options, report);
    // Its logs stay for whoever wants to know what went wrong.
    stop(&own)?;
    done
}

/// Stops it, or what an interrupted run left of it, its guests included.
fn stop(own: &Place) -> Result<()> {
    let guests = if libvirt::answers() {
        libvirt::guests(&guests_dir(own)?)?
    } else {
        Vec::new()
    };
    running::down(own)?;
    libvirt::forget(&guests)
}

fn drive(place: &Place, options: &Up, report: &mut Report) -> Result<()> {
    println!();
    report.step("stack: up, with a real guest", "./dev up", || up::up(place, options))?;
    report.step("stack: up again", "./dev up", || up::up(place, options))?;

    let browser = npm::run(&place.root.join("services/portal/ui"), "e2e")
        .env("YUNSHU_URL", format!("https://localhost:{}", options.port))
        .env("YUNSHU_CREDENTIALS", secrets::dir(place))
        .env("CI", "true");
    report.run("stack: browser", browser)?;
    report.step("stack: 50 cycles under kill -9", "./dev test", || {
        kills::run(place, options)
    })?;
    fuzz::run(place, options.port, report)
}

/// One that nobody listens on now.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("0.0.0.0", 0))?.local_addr()?.port())
}
