//! `./dev up`: from a checkout to a running virtual machine, and again in seconds.

mod build;
mod cloud;
pub mod database;
pub mod full;
mod host;
mod server;
mod witness;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    daemon::Daemon,
    guest,
    http::Api,
    libvirt,
    place::{Place, need_disk},
    sh::{self, step},
};

pub use host::guests_dir;
pub use server::{CONFIG, Login, ca, port};

#[derive(Args, Clone, Debug)]
pub struct Up {
    /// Use a simulated host instead of this machine's libvirt
    #[arg(long)]
    pub simulated_host: bool,
    /// One process per role, with Redis and Kafka
    #[arg(long)]
    pub full: bool,
    /// Where the gateway listens with TLS
    #[arg(long, default_value_t = 8443)]
    pub port: u16,
    /// Where the gateway listens without TLS, on loopback only
    #[arg(long, default_value_t = 8080)]
    pub plain_port: u16,
    /// Where the witness of the audit log listens, on loopback only
    #[arg(long, default_value_t = 8470)]
    pub witness_port: u16,
    /// Sign-ins and sign-ups a second from one address; tests come from a single one
    #[arg(long, default_value_t = 10)]
    pub auth_rate: u32,
    /// Where on this machine webhooks may be received, in the clear; tests alone have somebody there
    #[arg(skip)]
    pub receiver: Option<u16>,
}

/// A cold build with its dependencies, the image and a little database.
const NEED_MIB: u64 = 6 * 1024;

pub fn up(place: &Place, up: &Up) -> Result<()> {
    let start = Instant::now();
    need_disk(&place.state, NEED_MIB)?;
    println!("Starting Yunshu in {}", place.root.display());
    server::ports(place, up)?;

    step("build yunshud", || build::server(place))?;
    if !up.simulated_host {
        step("build yunshu-hypervisor", || build::hypervisor(place))?;
    }
    step("build the portal", || build::portal(place))?;
    let guest = step("make the guest image", || guest::make(place))?;
    step("start PostgreSQL", || database::start(place))?;
    step("migrate", || server::migrate(place, up))?;
    step("start the witness", || server::witness(place, up))?;
    let mut api = if up.full {
        step("start Redis, Kafka and a process per role", || {
            Daemon::named(place, "yunshud").stop()?;
            full::configure(place, up)?;
            full::start(place, up)
        })?
    } else {
        step("start yunshud", || server::start(place, up))?
    };
    let operator = step("make the platform operator", || server::operator(place))?;
    if !up.simulated_host {
        step("start libvirt", || libvirt::start(place)).context(NO_HYPERVISOR)?;
    }
    step("register pool, flavors and image", || {
        cloud::register(&mut api, &operator, &guest)
    })?;
    step("start the host", || host::start(place, up, &mut api, &operator))?;
    let tenant = step("sign the demo tenant up", || cloud::tenant(place, &mut api, "demo"))?;
    let vm = step("boot a virtual machine", || cloud::vm(&mut api, up.simulated_host))?;

    cloud::tell(up, &operator, &tenant, &vm);
    println!(
        "Ready after {:.1} s. Stop with ./dev down.",
        start.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A part that may be killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Database,
    Server,
    Host,
    /// One of those that a supervisor starts again: a role, Redis or Kafka.
    Watched(&'static str),
}

/// Kills a part of the running system without a word.
pub fn kill(place: &Place, part: Part) -> Result<()> {
    match part {
        Part::Database => database::server(place)?.kill(),
        Part::Server => Daemon::named(place, "yunshud").kill(),
        Part::Host => Daemon::named(place, "hypervisor").kill(),
        Part::Watched(name) => Daemon::named(place, name).kill(),
    }
}

/// Starts a part again that was killed.
pub fn revive(place: &Place, up: &Up, part: Part) -> Result<()> {
    match part {
        // It refuses to start while an orphan of the killed one still holds its shared memory.
        Part::Database => sh::wait_for("PostgreSQL to start again", Duration::from_secs(30), || {
            Ok(database::start(place).ok())
        }),
        Part::Server => {
            // The threads of a killed process close its sockets a moment after it counts as dead.
            let free = || {
                Ok(server::free(up.port, "--port")
                    .and_then(|()| server::free(up.plain_port, "--plain-port"))
                    .ok())
            };
            sh::wait_for("the ports to be free", Duration::from_secs(20), free)?;
            server::start(place, up).map(drop)
        }
        Part::Host => host::revive(place, up),
        Part::Watched(name) => full::is_back(place, up, name),
    }
}

/// A client of the running system, signed in as a tenant's owner.
pub fn tenant(place: &Place, port: u16, name: &str) -> Result<Api> {
    let mut api = Api::new(port, &server::ca(place))?;
    cloud::tenant(place, &mut api, name)?;
    Ok(api)
}

const NO_HYPERVISOR: &str =
    "no virtual machine can run here; `./dev up --simulated-host` shows everything but the guest";

/// Signs another tenant up in a system that runs.
pub fn sign_up(place: &Place, port: u16, tenant: &str) -> Result<Login> {
    let mut api = Api::new(port, &server::ca(place))?;
    cloud::tenant(place, &mut api, tenant)
}
