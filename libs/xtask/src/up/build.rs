//! What must be built before anything can start.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{digest, npm, place::Place, sh::Sh};

pub fn server(place: &Place) -> Result<()> {
    cargo(place, &["build", "--quiet", "-p", "yunshud", "-p", "witness"])
}

pub fn hypervisor(place: &Place) -> Result<()> {
    cargo(
        place,
        &["build", "--quiet", "--manifest-path", "services/hypervisor/Cargo.toml"],
    )
}

/// Builds the portal's pages when a source differs from those of the last build.
pub fn portal(place: &Place) -> Result<()> {
    let ui = place.root.join("services/portal/ui");
    if !ui.join("package.json").exists() {
        bail!("{} has no package.json", ui.display());
    }
    let stamp = ui.join("dist/.made-from");
    let now = fingerprint(&ui)?;
    if fs::read_to_string(&stamp).is_ok_and(|then| then == now) {
        return Ok(());
    }
    npm::install(&ui)?;
    npm::run(&ui, "build").run()?;
    fs::write(stamp, now)?;
    Ok(())
}

fn cargo(place: &Place, args: &[&str]) -> Result<()> {
    Sh::new("cargo").args(args).dir(&place.root).show()
}

/// One digest of every source file's name and content.
fn fingerprint(ui: &Path) -> Result<String> {
    let mut files = Vec::new();
    sources(ui, &mut files)?;
    files.sort();
    let mut list = String::new();
    for file in files {
        let _ = writeln!(list, "{} {}", digest::of_file(&file)?, file.display());
    }
    Ok(digest::of(list))
}

fn sources(dir: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    const MADE: [&str; 6] = [
        "node_modules",
        "dist",
        "test-results",
        "playwright-report",
        "e2e",
        "coverage",
    ];
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_file() {
            into.push(path);
        } else if !path
            .file_name()
            .is_some_and(|name| MADE.iter().any(|made| name == *made))
        {
            sources(&path, into)?;
        }
    }
    Ok(())
}
