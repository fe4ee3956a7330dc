//! Python with the packages that tests want, in an environment of its own.

use std::path::PathBuf;

use anyhow::Result;

use crate::{place::Place, sh::Sh};

/// What the second verifier of the audit log stands on.
const CRYPTOGRAPHY: [&str; 2] = ["cryptography", "48.0.0"];

/// The environment's Python.
pub fn with_cryptography(place: &Place) -> Result<PathBuf> {
    install(place, CRYPTOGRAPHY)?;
    Ok(bin(place).join("python"))
}

/// Installs a package in exactly this version, unless it is there; gives the folder of its programs.
pub fn install(place: &Place, [name, version]: [&str; 2]) -> Result<PathBuf> {
    let bin = bin(place);
    if !bin.join("python").exists() {
        Sh::new("python3")
            .args(["-m", "venv"])
            .arg(place.root.join(".local/venv"))
            .run()?;
    }
    let there = format!("import importlib.metadata as m; assert m.version('{name}') == '{version}'");
    if !Sh::new(bin.join("python")).args(["-c", &there]).succeeds() {
        Sh::new(bin.join("pip"))
            .args(["install", "--quiet", &format!("{name}=={version}")])
            .run()?;
    }
    Ok(bin)
}

fn bin(place: &Place) -> PathBuf {
    place.root.join(".local/venv/bin")
}
