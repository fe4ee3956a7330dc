//! Schemathesis: requests nobody would write, bounded in time, against every operation.

use std::path::PathBuf;

use anyhow::Result;

use super::report::Report;
use crate::{place::Place, sh::Sh, up};

const SCHEMATHESIS: &str = "schemathesis==4.32.5";

pub fn run(place: &Place, port: u16, report: &mut Report) -> Result<()> {
    let program = install(place)?;
    let login = up::sign_up(place, port, "fuzz")?;
    let config = place.root.join("openapi/lint/schemathesis.toml");
    let fuzz = Sh::new(program)
        .arg("--config-file")
        .arg(config)
        .arg("run")
        .arg(format!("https://localhost:{port}/api/v1/openapi.json"))
        .arg("--tls-verify")
        .arg(place.state("pki/ca.pem"))
        .env("YUNSHU_FUZZ_EMAIL", login.email)
        .env("YUNSHU_FUZZ_PASSWORD", login.password)
        .dir(&place.state);
    report.run("stack: fuzz", fuzz)
}

/// Into an environment of its own, once.
fn install(place: &Place) -> Result<PathBuf> {
    let venv = place.root.join(".local/venv");
    let program = venv.join("bin/schemathesis");
    if !program.exists() {
        Sh::new("python3").args(["-m", "venv"]).arg(&venv).run()?;
        Sh::new(venv.join("bin/pip"))
            .args(["install", "--quiet", SCHEMATHESIS])
            .run()?;
    }
    Ok(program)
}
