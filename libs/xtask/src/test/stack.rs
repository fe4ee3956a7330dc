//! The real thing, from nothing, on ports of its own: browser, fuzzer and a guest that boots.

use std::net::TcpListener;

use anyhow::{Context, Result};

use super::{canaries, cli, cold, fuzz, kills, report::Report};
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
        port: free_port(0)?,
        plain_port: free_port(1)?,
        witness_port: free_port(2)?,
        auth_rate: 1_000,
        receiver: None,
        full: false,
    };
    let done = drive(&own, &options, report);
    // Its logs stay for whoever wants to know what went wrong.
    stop(&own)?;
    done
}

/// A process per role, with Redis and Kafka, of which any may be killed.
pub fn apart(place: &Place, rounds: usize, report: &mut Report) -> Result<()> {
    let own = Place::at(place.root.clone(), place.state("ci-apart"))?;
    running::down(&own)?;
    own.clear()?;
    let options = Up {
        simulated_host: true,
        full: true,
        port: free_port(2)?,
        plain_port: free_port(3)?,
        witness_port: free_port(4)?,
        auth_rate: 1_000,
        receiver: Some(free_port(5)?),
    };
    println!();
    let up = || up::up(&own, &options);
    let done = report
        .step("apart: up, a process per role", "./dev up --full", up)
        .and_then(|()| report.step("apart: up again", "./dev up --full", up))
        .and_then(|()| {
            let name = format!("apart: {rounds} rounds under kill -9");
            report.step(&name, "./dev test --apart", || {
                kills::run(&own, &options, &kills::APART, rounds)
            })
        })
        .and_then(|()| {
            report.step("apart: all at once, 3 times", "./dev test --apart", || {
                cold::run(&own, &options)
            })
        })
        // The last: it stops the platform to see what is left.
        .and_then(|()| {
            report.step("apart: what is left behind", "./dev test --apart", || {
                canaries::run(&own, &options)
            })
        });
    running::down(&own)?;
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

    // None of these needs another: each is run, whatever the others found.
    let cycles = report.step("stack: 50 cycles under kill -9", "./dev test --stack", || {
        kills::run(place, options, &kills::TOGETHER, 50)
    });
    let commands = report.step("stack: command line", "./dev test --stack", || {
        cli::run(place, options.port)
    });
    let browser = npm::run(&place.root.join("services/portal/ui"), "e2e")
        .env("YUNSHU_URL", format!("https://localhost:{}", options.port))
        .env("YUNSHU_CREDENTIALS", secrets::dir(place))
        .env("YUNSHU_MAIL", place.state("mail"))
        .env("CI", "true");
    let browser = report.run("stack: browser", browser);
    let fuzz = fuzz::run(place, options.port, report);
    cycles.and(commands).and(browser).and(fuzz)
}

/// One that nobody listens on now, below the range that outgoing connections take theirs from: a client that tries a
/// port of that range while nobody listens may be given the very same one, connect to itself and hold it.
pub fn free_port(nth: usize) -> Result<u16> {
    let start = 20_000 + u16::try_from(std::process::id() % 10_000)?;
    let mut free = (start..32_000).filter(|port| TcpListener::bind(("0.0.0.0", *port)).is_ok());
    free.nth(nth).context("no port from 20000 to 32000 is free")
}
