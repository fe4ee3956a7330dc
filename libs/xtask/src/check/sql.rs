//! SQL lives in `store/`, so that one place per service shows every statement and its tenant.

use super::{Finding, Source};

/// Libraries whose trade is the database.
const OWN: [&str; 5] = ["libs/db/", "libs/ids/", "libs/scope/", "libs/events/", "libs/testkit/"];

pub fn outside_store(sources: &[Source]) -> Vec<Finding> {
    let judged = sources
        .iter()
        .filter(|source| source.is_rust() && !source.is_test() && !may_use(&source.path));
    judged
        .flat_map(|source| {
            let uses = source
                .code()
                .filter(|(_, line)| !line.trim_start().starts_with("//") && names_sqlx(line));
            uses.map(|(line, _)| {
                source.finding(line, "sql", "sqlx belongs in store/: add a function there and call it")
            })
        })
        .collect()
}

fn may_use(path: &str) -> bool {
    let in_store = path.split('/').any(|part| part == "store" || part == "store.rs");
    in_store || path.starts_with("libs/xtask/") || OWN.iter().any(|own| path.starts_with(own))
}

fn names_sqlx(line: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == "sqlx")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlx_is_found_outside_store_only() {
        let query = "fn f() {\n    sqlx::query(\"select 1\");\n}\n";
        let found = outside_store(&[
            Source::new("services/compute/src/api/vms.rs", query),
            Source::new("services/compute/src/store/vms.rs", query),
            Source::new("services/compute/src/store.rs", query),
            Source::new("libs/db/src/lib.rs", query),
            Source::new(
                "services/compute/src/vm.rs",
                "// sqlx is not used here\nfn sqlx_free() {}\n",
            ),
            Source::new(
                "services/compute/src/work.rs",
                "#[cfg(test)]\nmod tests {\n    use sqlx;\n}\n",
            ),
        ]);
        let places: Vec<_> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.line))
            .collect();
        assert_eq!(places, [("services/compute/src/api/vms.rs", 2)]);
    }
}
