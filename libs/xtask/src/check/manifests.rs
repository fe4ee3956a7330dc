//! What the manifests may say: arrows point from services to libraries, and versions are written once.

use toml::{Table, Value};

use super::{Finding, Source};

/// A service that another one names could not run without it; only what assembles them may.
pub fn arrows(sources: &[Source]) -> Vec<Finding> {
    let services: Vec<String> = manifests(sources)
        .filter(|(source, _)| is_service(&source.path))
        .filter_map(|(_, toml)| name(&toml))
        .collect();
    // Benchmarks start what they measure, and are no part of what runs.
    let assembles = |path: &str| path.starts_with("services/yunshud/") || path.starts_with("loadtest/");
    let judged = manifests(sources).filter(|(source, _)| !assembles(&source.path));
    judged
        .flat_map(|(source, manifest)| {
            let own = name(&manifest);
            let wrong = dependencies(&manifest)
                .into_iter()
                .filter(|(on, _)| services.contains(on) && Some(on) != own.as_ref());
            let mend =
                |on: &str| format!("must not depend on the service `{on}`: meet in libs/*-api, in events or over HTTP");
            wrong
                .map(|(on, _)| source.finding(line_of(source, &on), "arrows", mend(&on)))
                .collect::<Vec<_>>()
        })
        .collect()
}

/// One table of versions per workspace.
pub fn versions(sources: &[Source]) -> Vec<Finding> {
    let members = manifests(sources).filter(|(_, manifest)| !manifest.contains_key("workspace"));
    members
        .flat_map(|(source, manifest)| {
            let wrong = dependencies(&manifest)
                .into_iter()
                .filter(|(_, how)| states_version(how));
            let mend =
                |on: &str| format!("write `{on}.workspace = true` and its version into [workspace.dependencies]");
            wrong
                .map(|(on, _)| source.finding(line_of(source, &on), "versions", mend(&on)))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn manifests(sources: &[Source]) -> impl Iterator<Item = (&Source, Table)> {
    let found = sources.iter().filter(|source| source.path.ends_with("Cargo.toml"));
    found.filter_map(|source| Some((source, source.text.parse().ok()?)))
}

fn is_service(path: &str) -> bool {
    path.starts_with("services/") || path.starts_with("gateway/")
}

fn name(manifest: &Table) -> Option<String> {
    Some(manifest.get("package")?.get("name")?.as_str()?.to_owned())
}

/// Of every kind and every target.
fn dependencies(manifest: &Table) -> Vec<(String, Value)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest
        .get("target")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(|targets| targets.values().filter_map(Value::as_table));
    let tables = std::iter::once(manifest).chain(targets);
    tables
        .flat_map(|table| KINDS.iter().filter_map(|kind| table.get(*kind)?.as_table()))
        .flat_map(|table| table.iter().map(|(name, how)| (name.clone(), how.clone())))
        .collect()
}

/// A path alone names no version: the crate beside it has one.
fn states_version(how: &Value) -> bool {
    how.is_str() || ["version", "git"].iter().any(|key| how.get(key).is_some())
}

fn line_of(source: &Source, dependency: &str) -> usize {
    let begins = |line: &str| {
        line.strip_prefix(dependency)
            .is_some_and(|rest| rest.starts_with([' ', '.', '=']))
    };
    source.text.lines().position(begins).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(path: &str, name: &str, rest: &str) -> Source {
        Source::new(path, &format!("[package]\nname = \"{name}\"\n{rest}"))
    }

    #[test]
    fn a_service_must_not_depend_on_a_service() {
        let found = arrows(&[
            manifest("services/audit/Cargo.toml", "audit", ""),
            manifest(
                "services/compute/Cargo.toml",
                "compute",
                "[dev-dependencies]\naudit.workspace = true\n",
            ),
            manifest(
                "libs/web/Cargo.toml",
                "web",
                "[dependencies]\ncompute.workspace = true\n",
            ),
            manifest(
                "services/yunshud/Cargo.toml",
                "yunshud",
                "[dependencies]\naudit.workspace = true\n",
            ),
            manifest(
                "loadtest/audit/Cargo.toml",
                "audit-load",
                "[dependencies]\naudit.workspace = true\n",
            ),
        ]);
        let places: Vec<_> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.line))
            .collect();
        assert_eq!(places, [("services/compute/Cargo.toml", 4), ("libs/web/Cargo.toml", 4)]);
    }

    #[test]
    fn versions_are_written_once() {
        let found = versions(&[
            Source::new("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\n"),
            manifest(
                "libs/a/Cargo.toml",
                "a",
                "[dependencies]\nserde = \"1\"\nweb.workspace = true\n",
            ),
            manifest(
                "libs/b/Cargo.toml",
                "b",
                "[target.'cfg(unix)'.dependencies]\nlibc = { version = \"1\" }\n",
            ),
            manifest(
                "libs/c/Cargo.toml",
                "c",
                "[dependencies]\nserde = { workspace = true, features = [\"rc\"] }\nb = { path = \"../b\" }\n",
            ),
        ]);
        let places: Vec<_> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.line))
            .collect();
        assert_eq!(places, [("libs/a/Cargo.toml", 4), ("libs/b/Cargo.toml", 4)]);
    }
}
