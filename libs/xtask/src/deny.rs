//! Banned crates, licences and sources, by the rules in `deny.toml`.
//!
//! cargo-deny does this better and is used where it is installed; no package offers it, and building it takes longer
//! than everything else here. What is judged is `cargo tree`: the lock file and `cargo metadata` also name crates that
//! no chosen feature builds.

mod licence;

use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use toml::Table;

use crate::{place::Place, sh::Sh};

/// `deny.toml`, as far as it is read here; cargo-deny knows more keys.
#[derive(Deserialize)]
struct Rules {
    bans: Bans,
    licenses: Licenses,
    sources: Sources,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
    /// Who alone may depend on it.
    #[serde(default)]
    wrappers: Vec<String>,
}

#[derive(Deserialize)]
struct Licenses {
    allow: Vec<String>,
    exceptions: Vec<Exception>,
}

#[derive(Deserialize)]
struct Exception {
    #[serde(rename = "crate")]
    name: String,
    allow: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    allow_registry: Vec<String>,
}

/// The manifests of both workspaces.
pub const WORKSPACES: [&str; 2] = ["Cargo.toml", "services/hypervisor/Cargo.toml"];

pub fn deny(place: &Place) -> Result<()> {
    if Sh::new("cargo").args(["deny", "--version"]).succeeds() {
        for manifest in WORKSPACES {
            let base = ["deny", "--manifest-path", manifest, "check", "--config"];
            Sh::new("cargo")
                .args(base)
                .arg(place.root.join("deny.toml"))
                .args(["bans", "licenses", "sources"])
                .dir(&place.root)
                .show()?;
        }
        return Ok(());
    }
    let rules: Rules = toml::from_str(&fs::read_to_string(place.root.join("deny.toml"))?).context("deny.toml")?;
    let mut complaints = Vec::new();
    for manifest in WORKSPACES {
        let crates = built(&place.root, manifest)?;
        complaints.extend(licences(&rules.licenses, &crates));
        for ban in rules.bans.deny.iter().filter(|ban| crates.contains_key(&ban.name)) {
            let users = users(&place.root, manifest, &ban.name)?;
            complaints.extend(banned(ban, &users));
        }
        let lock = fs::read_to_string(place.root.join(manifest).with_file_name("Cargo.lock"))?;
        complaints.extend(foreign(&rules.sources, &lock.parse()?));
    }
    for complaint in &complaints {
        println!("{complaint}");
    }
    if !complaints.is_empty() {
        bail!("{} crates against deny.toml", complaints.len());
    }
    Ok(())
}

/// Name and licence of every crate that is built, for any target.
fn built(root: &Path, manifest: &str) -> Result<BTreeMap<String, String>> {
    let all = [
        "tree",
        "--workspace",
        "--target",
        "all",
        "-e",
        "normal,build,dev",
        "--prefix",
        "none",
    ];
    let list = Sh::new("cargo")
        .args(all)
        .args(["-f", "{p}|{l}", "--manifest-path", manifest])
        .dir(root)
        .read()?;
    let pair = |line: &str| {
        let (package, licence) = line.split_once('|')?;
        // A crate that was listed before bears a mark; listing all it needs each time makes half a gigabyte.
        Some((
            package.split(' ').next()?.to_owned(),
            licence.trim_end_matches(" (*)").to_owned(),
        ))
    };
    Ok(list.lines().filter_map(pair).collect())
}

/// Who depends on a crate directly.
fn users(root: &Path, manifest: &str, name: &str) -> Result<Vec<String>> {
    let inverted = [
        "tree",
        "--workspace",
        "--target",
        "all",
        "--prefix",
        "depth",
        "--depth",
        "1",
        "-f",
        " {p}",
        "-i",
        name,
    ];
    let list = Sh::new("cargo")
        .args(inverted)
        .args(["--manifest-path", manifest])
        .dir(root)
        .read()?;
    Ok(list
        .lines()
        .filter_map(|line| Some(line.strip_prefix("1 ")?.split(' ').next()?.to_owned()))
        .collect())
}

fn banned(ban: &Ban, users: &[String]) -> Vec<String> {
    let wrong = users.iter().filter(|user| !ban.wrappers.contains(user));
    wrong
        .map(|user| format!("{user} brings {}: {}", ban.name, ban.reason))
        .collect()
}

fn licences(rules: &Licenses, crates: &BTreeMap<String, String>) -> Vec<String> {
    let refused = crates.iter().filter(|(name, licence)| {
        let exception = rules.exceptions.iter().find(|exception| exception.name == **name);
        let allowed = |id: &str| {
            let known = |list: &[String]| list.iter().any(|allowed| allowed == id);
            known(&rules.allow) || exception.is_some_and(|exception| known(&exception.allow))
        };
        !licence::satisfied(licence, allowed)
    });
    refused
        .map(|(name, licence)| format!("{name}: licence `{licence}` is not on the list of deny.toml"))
        .collect()
}

fn foreign(rules: &Sources, lock: &Table) -> Vec<String> {
    let packages = lock
        .get("package")
        .and_then(|packages| packages.as_array())
        .into_iter()
        .flatten();
    let known = |source: &str| {
        source
            .strip_prefix("registry+")
            .is_some_and(|registry| rules.allow_registry.iter().any(|allowed| allowed == registry))
    };
    packages
        .filter_map(|package| Some((package.get("name")?.as_str()?, package.get("source")?.as_str()?)))
        .filter(|(_, source)| !known(source))
        .map(|(name, source)| format!("{name} comes from {source}, which deny.toml does not know"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_rules_can_be_read() -> Result<()> {
        let rules: Rules = toml::from_str(include_str!("../../../deny.toml"))?;
        assert!(rules.bans.deny.iter().any(|ban| ban.name == "ring"));
        Ok(())
    }

    #[test]
    fn a_banned_crate_is_allowed_to_its_wrapper_only() {
        let ban = Ban {
            name: "openssl-sys".into(),
            reason: "one TLS".into(),
            wrappers: vec!["rdkafka-sys".into()],
        };
        assert_eq!(banned(&ban, &["rdkafka-sys".into()]), Vec::<String>::new());
        assert_eq!(
            banned(&ban, &["rdkafka-sys".into(), "native-tls".into()]),
            ["native-tls brings openssl-sys: one TLS"]
        );
    }

    #[test]
    fn licences_are_judged_per_crate() {
        let exceptions = vec![Exception {
            name: "virt".into(),
            allow: vec!["LGPL-2.1".into()],
        }];
        let rules = Licenses {
            allow: vec!["MIT".into()],
            exceptions,
        };
        let licensed = |name: &str, licence: &str| BTreeMap::from([(name.to_owned(), licence.to_owned())]);
        assert!(licences(&rules, &licensed("virt", "LGPL-2.1")).is_empty());
        assert_eq!(licences(&rules, &licensed("other", "LGPL-2.1")).len(), 1);
        assert_eq!(licences(&rules, &licensed("unstated", "")).len(), 1);
    }

    #[test]
    fn only_known_registries_serve() -> Result<()> {
        let rules = Sources {
            allow_registry: vec!["https://example.org/index".into()],
        };
        let lock: Table =
            "[[package]]\nname = \"own\"\n[[package]]\nname = \"a\"\nsource = \"registry+https://example.org/index\"\n\
                           [[package]]\nname = \"b\"\nsource = \"git+https://example.org/b\"\n"
                .parse()?;
        assert_eq!(
            foreign(&rules, &lock),
            ["b comes from git+https://example.org/b, which deny.toml does not know"]
        );
        Ok(())
    }
}
