//! A witness of the audit log, in a process and a folder of its own: on one machine it proves how it is done, and no more.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, Result};

use super::Up;
use crate::{
    daemon::Daemon,
    place::{Place, make_dir},
    sh::{self, Sh},
};

const NAME: &str = "witness";
const CONFIG: &str = "witness.toml";

fn program(place: &Place) -> PathBuf {
    place.root.join("target/debug/yunshu-witness")
}

/// Where it listens.
pub fn address(up: &Up) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], up.witness_port))
}

/// Its public key; it is made now if there is none yet.
pub fn key(place: &Place, up: &Up) -> Result<String> {
    configure(place, up, None)?;
    let key = Sh::new(program(place))
        .args(["key", "--config"])
        .arg(place.state(CONFIG))
        .read()?;
    Ok(key.trim().to_owned())
}

/// Starts it, or again when it was built or configured anew. `log` is the key that signs the log.
pub fn start(place: &Place, up: &Up, log: &str) -> Result<()> {
    let config = configure(place, up, Some(log))?;
    let daemon = Daemon::named(place, NAME);
    let seen = place.state("run").join(CONFIG);
    let current = daemon.is_current(&program(place)) && fs::read_to_string(&seen).is_ok_and(|then| then == config);
    if !current {
        daemon.stop()?;
        super::server::free(up.witness_port, "--witness-port")?;
        let command = Sh::new(program(place))
            .args(["serve", "--config"])
            .arg(place.state(CONFIG))
            .dir(&place.root);
        daemon.start(command, &program(place))?;
        fs::write(seen, config)?;
    }
    let address = address(up);
    sh::wait_for("the witness to listen", Duration::from_secs(20), || {
        daemon.must_run()?;
        Ok(std::net::TcpStream::connect(address).ok().map(drop))
    })
}

fn configure(place: &Place, up: &Up, log: Option<&str>) -> Result<String> {
    let state = place.state(NAME);
    for dir in [&state, &place.state("run")] {
        make_dir(dir, 0o755)?;
    }
    let text = |path: PathBuf| toml::Value::from(path.to_string_lossy().into_owned()).to_string();
    let known = log.map(|key| format!("{{ origin = \"yunshu/audit/*\", keys = [\"{key}\"] }}"));
    let config = format!(
        "# Written by ./dev up.\n\
         [witness]\nlisten = \"{address}\"\nname = \"localhost/witness\"\nkey = {key}\nstate = {cosigned}\nlogs = [{known}]\n",
        address = address(up),
        key = text(state.join("key")),
        cosigned = text(state.join("cosigned")),
        known = known.unwrap_or_default(),
    );
    fs::write(place.state(CONFIG), &config).context("cannot write the witness's configuration")?;
    Ok(config)
}
