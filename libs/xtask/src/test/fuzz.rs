//! Schemathesis: requests nobody would write, bounded in time, against every operation.

use anyhow::Result;

use super::{python, report::Report};
use crate::{place::Place, sh::Sh, up};

const SCHEMATHESIS: [&str; 2] = ["schemathesis", "4.32.5"];

pub fn run(place: &Place, port: u16, report: &mut Report) -> Result<()> {
    let program = python::install(place, SCHEMATHESIS)?.join("schemathesis");
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
