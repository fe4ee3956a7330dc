//! Debian's Redis, with one user who can do what the platform needs.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::{daemon::Daemon, digest, sh::Sh};

pub const USER: &str = "yunshu";

/// What that user may do: no programs, no looking around, no clearing away.
const RULES: &str = include_str!("../../cache/redis.acl");

/// Starts one on loopback that keeps nothing on disk, and does not wait.
pub fn start(daemon: &Daemon, dir: &Path, port: u16, password: &str) -> Result<()> {
    if !Sh::new("redis-server").arg("--version").succeeds() {
        bail!("redis-server is missing: apt-get install --no-install-recommends redis-server");
    }
    let users = dir.join("users.acl");
    let users_text = format!("user default off\nuser {USER} on #{} {RULES}", digest::of(password));
    fs::write(&users, users_text)?;
    let port = port.to_string();
    let command = Sh::new("redis-server")
        .args(["--port", &port, "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no"])
        .args(["--maxmemory", "64mb", "--maxmemory-policy", "volatile-ttl"])
        .arg("--aclfile")
        .arg(&users)
        .dir(dir);
    daemon.start(command, &users)
}
