//! Known vulnerabilities in what both lock files name, from a copy of the RustSec database.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail};
use rustsec::{
    Database, Lockfile,
    advisory::{Id, Informational},
    report::{Report, Settings},
};
use serde::Deserialize;

use crate::{deny::WORKSPACES, place::Place};

/// The part of `deny.toml` that is read here.
#[derive(Deserialize)]
struct Rules {
    advisories: Advisories,
}

#[derive(Deserialize)]
struct Advisories {
    ignore: Vec<Ignored>,
}

#[derive(Deserialize)]
struct Ignored {
    id: Id,
    reason: String,
}

pub fn advisories(place: &Place, db: &Path) -> Result<()> {
    let rules: Rules = toml::from_str(&fs::read_to_string(place.root.join("deny.toml"))?).context("deny.toml")?;
    let database = Database::open(db).with_context(|| format!("{} is no advisory database", db.display()))?;
    if database.iter().next().is_none() {
        bail!("{} holds no advisory", db.display());
    }
    for ignored in &rules.advisories.ignore {
        println!("ignored: {}: {}", ignored.id, ignored.reason);
    }
    let settings = Settings {
        ignore: rules.advisories.ignore.into_iter().map(|ignored| ignored.id).collect(),
        informational_warnings: vec![Informational::Unmaintained, Informational::Unsound],
        ..Settings::default()
    };
    let mut found = 0;
    for manifest in WORKSPACES {
        let lock = place.root.join(manifest).with_file_name("Cargo.lock");
        let report = Report::generate(&database, &Lockfile::load(&lock)?, &settings);
        for one in &report.vulnerabilities.list {
            let (package, advisory) = (&one.package, &one.advisory);
            println!(
                "{} {}: {} {}; mended in {:?}",
                package.name,
                package.version,
                advisory.id,
                advisory.title,
                one.versions.patched()
            );
        }
        found += report.vulnerabilities.list.len();
        for one in report.warnings.values().flatten() {
            let advisory = one
                .advisory
                .as_ref()
                .map(|advisory| format!("{} {}", advisory.id, advisory.title));
            println!(
                "note: {} {}: {:?} {}",
                one.package.name,
                one.package.version,
                one.kind,
                advisory.unwrap_or_default()
            );
        }
    }
    if found > 0 {
        bail!("{found} known vulnerabilities: `cargo update -p <crate>`, or a reason in deny.toml");
    }
    Ok(())
}
