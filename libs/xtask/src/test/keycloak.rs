//! A real Keycloak, which people sign in by: from Maven Central, started beside the build.

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};

use crate::{
    daemon::Daemon,
    digest,
    place::{Place, cache, make_dir},
    sh::Sh,
};

const VERSION: &str = "26.4.0";
const SHA256: &str = "1b6a11a2726ac8a8dc9c91d5fafe989a75ce4f1622d7f7b45c21d5bc16629c0a";
const ARCHIVE: &str = "https://repo1.maven.org/maven2/org/keycloak/keycloak-quarkus-dist";

pub struct Keycloak {
    daemon: Daemon,
    base: String,
}

impl Keycloak {
    /// Starts it and does not wait. What it keeps is of this run alone.
    pub fn start(place: &Place, port: u16) -> Result<Self> {
        if !Sh::new("java").arg("-version").succeeds() {
            bail!("java is missing: apt-get install default-jre-headless");
        }
        let daemon = Daemon::named(place, "keycloak");
        daemon.stop()?;
        let dir = place.state("keycloak");
        if dir.exists() {
            fs::remove_dir_all(&dir).with_context(|| format!("cannot empty {}", dir.display()))?;
        }
        make_dir(&dir, 0o755)?;
        Sh::new("python3")
            .args(["-m", "zipfile", "-e"])
            .arg(archive()?)
            .arg(&dir)
            .run()?;
        let home = dir.join(format!("keycloak-{VERSION}"));
        let program = home.join("bin/kc.sh");
        let command = Sh::new("sh")
            .arg(&program)
            .args(["start-dev", "--http-host", "127.0.0.1", "--http-port"])
            .arg(port.to_string())
            // Listens on this machine alone, and only while the tests run.
            .env("KC_BOOTSTRAP_ADMIN_USERNAME", "admin")
            .env("KC_BOOTSTRAP_ADMIN_PASSWORD", "admin")
            .env("JAVA_OPTS_APPEND", "-Xmx512m")
            .dir(&home);
        daemon.start(command, &program)?;
        Ok(Self {
            daemon,
            base: format!("http://127.0.0.1:{port}"),
        })
    }

    /// Where it will answer.
    pub fn base(&self) -> &str {
        &self.base
    }

    pub fn stop(&self) -> Result<()> {
        self.daemon.stop().map(drop)
    }
}

/// The archive, kept for the next run of any checkout.
fn archive() -> Result<PathBuf> {
    let dir = cache()?;
    let kept = dir.join(format!("keycloak-{VERSION}.zip"));
    if kept.exists() && digest::of_file(&kept)? == SHA256 {
        return Ok(kept);
    }
    let coming = dir.join(format!("keycloak-{VERSION}.{}.part", std::process::id()));
    let url = format!("{ARCHIVE}/{VERSION}/keycloak-quarkus-dist-{VERSION}.zip");
    Sh::new("curl")
        .args(["-sSfL", "--retry", "3", "--max-time", "300", "-o"])
        .arg(&coming)
        .arg(&url)
        .run()
        .with_context(|| format!("no Keycloak: fetch {url} by hand to {}", kept.display()))?;
    let found = digest::of_file(&coming)?;
    if found != SHA256 {
        fs::remove_file(&coming)?;
        bail!("{url} has SHA-256 {found} and should have {SHA256}");
    }
    fs::rename(&coming, &kept)?;
    Ok(kept)
}
