//! The top level is the map: what is not on it belongs somewhere below.

use std::collections::BTreeSet;

use super::{Finding, Source};

const MAP: [&str; 20] = [
    ".cargo",
    ".ci",
    ".gitignore",
    ".sqlx",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "README.md",
    "README.zh-CN.md",
    "clippy.toml",
    "deny.toml",
    "dev",
    "gateway",
    "k8s",
    "libs",
    "loadtest",
    "migrations",
    "openapi",
    "rust-toolchain.toml",
    "rustfmt.toml",
];

/// Names under which anything at all would collect.
const TOO_WIDE: [&str; 4] = ["common", "core", "utils", "types"];

pub fn strangers(sources: &[Source]) -> Vec<Finding> {
    let top: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| source.path.split('/').next())
        .collect();
    let strange = top
        .into_iter()
        .filter(|entry| !MAP.contains(entry) && *entry != "services");
    let finding = |path: &str, mend: &str| Finding {
        path: path.to_owned(),
        line: 1,
        rule: "map",
        mend: mend.to_owned(),
    };
    let unmapped = strange.map(|entry| finding(entry, "not on the map: put it below one of the top folders"));
    let wide = sources.iter().filter(|source| {
        let mut parts = source.path.split('/');
        matches!(parts.next(), Some("libs" | "services"))
            && parts.next().is_some_and(|name| TOO_WIDE.contains(&name))
            && parts.next() == Some("Cargo.toml")
    });
    unmapped
        .chain(wide.map(|source| finding(&source.path, "name the crate after what it does")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_map_is_at_the_top() {
        let found = strangers(&[
            Source::new("Cargo.toml", ""),
            Source::new("services/audit/Cargo.toml", ""),
            Source::new("scripts/a.sh", ""),
            Source::new("scripts/b.sh", ""),
            Source::new("libs/utils/Cargo.toml", ""),
        ]);
        assert_eq!(
            found.iter().map(|finding| finding.path.as_str()).collect::<Vec<_>>(),
            ["scripts", "libs/utils/Cargo.toml"]
        );
    }
}
