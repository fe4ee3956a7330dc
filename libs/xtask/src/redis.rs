//! Debian's Redis, with one user who can do what the platform needs.

pub mod test;

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::{daemon::Daemon, digest, sh::Sh};

pub const USER: &str = "yunshu";

/// What that user may do: no programs, no looking around, no clearing away.
const RULES: &str = include_str!("../../cache/redis.acl");

/// Writes down who may sign in; fails where there is no Redis.
pub fn prepare(dir: &Path, password: &str) -> Result<()> {
    if !Sh::new("redis-server").arg("--version").succeeds() {
        bail!("redis-server is missing: apt-get install --no-install-recommends redis-server");
    }
    let users = format!("user default off\nuser {USER} on #{} {RULES}", digest::of(password));
    Ok(fs::write(dir.join("users.acl"), users)?)
}

/// Starts one on loopback that keeps nothing on disk, and does not wait.
pub fn start(daemon: &Daemon, dir: &Path, port: u16, password: &str) -> Result<()> {
    prepare(dir, password)?;
    daemon.start(command(dir, port), &dir.join("users.acl"))
}

/// What runs it, once it is prepared.
pub fn command(dir: &Path, port: u16) -> Sh {
    Sh::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--maxmemory", "64mb", "--maxmemory-policy", "volatile-ttl"])
        .arg("--aclfile")
        .arg(dir.join("users.acl"))
        .dir(dir)
}
