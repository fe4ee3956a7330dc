//! JavaScript packages: exactly what their lock files name, and nobody's install scripts.

use std::{fs, path::Path};

use anyhow::{Result, bail};

use crate::sh::Sh;

/// Installs what the lock file names, unless that was done.
pub fn install(package: &Path) -> Result<()> {
    let Ok(lock) = fs::read_to_string(package.join("package-lock.json")) else {
        bail!(
            "{} has no package-lock.json: npm install --ignore-scripts, and commit it",
            package.display()
        );
    };
    let stamp = package.join("node_modules/.made-from");
    if fs::read_to_string(&stamp).is_ok_and(|then| then == lock) {
        return Ok(());
    }
    Sh::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .dir(package)
        .run()?;
    fs::write(stamp, lock)?;
    Ok(())
}

/// One of the package's scripts.
pub fn run(package: &Path, script: &str) -> Sh {
    Sh::new("npm").args(["run", "--silent", script]).dir(package)
}
