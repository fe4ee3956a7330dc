//! The API descriptions: written by the server's own code, committed, proven fresh and linted.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, bail};

use crate::{
    npm,
    place::{Place, make_dir},
    sh::Sh,
};

/// Writes `openapi/*.json` and the portal's client made of it; needs no server and no database.
pub fn write(place: &Place) -> Result<()> {
    generate(place, &place.root.join("openapi"))?;
    let ui = place.root.join("services/portal/ui");
    npm::install(&ui)?;
    npm::run(&ui, "api").run()
}

/// Compares what is committed with what the code says now.
pub fn fresh(place: &Place) -> Result<()> {
    let (now, committed) = (place.state("openapi"), place.root.join("openapi"));
    if now.exists() {
        fs::remove_dir_all(&now)?;
    }
    make_dir(&now, 0o755)?;
    generate(place, &now)?;
    let stale = differing(&committed, &now)?;
    if !stale.is_empty() {
        bail!(
            "openapi/ is stale ({}): cargo xtask openapi, and commit it",
            stale.join(", ")
        );
    }
    Ok(())
}

/// Spectral and Redocly, as pinned by the lock file beside their rules.
pub fn lint(place: &Place) -> Result<()> {
    let lint = place.root.join("openapi/lint");
    npm::install(&lint)?;
    npm::run(&lint, "lint").env("REDOCLY_TELEMETRY", "off").run()
}

fn generate(place: &Place, into: &Path) -> Result<()> {
    Sh::new("cargo")
        .args(["run", "--quiet", "-p", "yunshud", "--", "openapi", "--out"])
        .arg(into)
        .dir(&place.root)
        .run()
}

/// Names of the descriptions that are not the same on both sides, missing ones included.
fn differing(committed: &Path, now: &Path) -> Result<Vec<String>> {
    let mut names: BTreeSet<PathBuf> = BTreeSet::new();
    for dir in [committed, now] {
        let files = fs::read_dir(dir)?.flatten().map(|entry| entry.path());
        names.extend(
            files
                .filter(|file| file.extension().is_some_and(|is| is == "json"))
                .filter_map(|file| Some(file.file_name()?.into())),
        );
    }
    if names.is_empty() {
        bail!("there is no API description at all");
    }
    let differ = |name: &PathBuf| fs::read(committed.join(name)).ok() != fs::read(now.join(name)).ok();
    Ok(names
        .iter()
        .filter(|name| differ(name))
        .map(|name| name.display().to_string())
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stale_missing_and_surplus_files_are_named() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-openapi-{}", std::process::id()));
        let (committed, now) = (dir.join("committed"), dir.join("now"));
        for side in [&committed, &now] {
            make_dir(side, 0o755)?;
            fs::write(side.join("same.json"), "{}")?;
            fs::write(side.join("notes.md"), side.to_string_lossy().as_bytes())?;
        }
        assert_eq!(differing(&committed, &now)?, Vec::<String>::new());
        fs::write(committed.join("gone.json"), "{}")?;
        fs::write(now.join("new.json"), "{}")?;
        fs::write(now.join("same.json"), "{ }")?;
        assert_eq!(differing(&committed, &now)?, ["gone.json", "new.json", "same.json"]);
        fs::remove_dir_all(dir)?;
        Ok(())
    }
}
