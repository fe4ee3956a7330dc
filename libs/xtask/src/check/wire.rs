//! Wire types share one name space in the API's description: of two types of one name, one describes both.

use std::collections::BTreeMap;

use super::{Finding, Source};

pub fn one_name(sources: &[Source]) -> Vec<Finding> {
    let mut met = BTreeMap::new();
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.is_rust() && !source.is_test()) {
        let mut described = false;
        for (line, text) in source.code() {
            let text = text.trim();
            described |= text.starts_with("#[derive(") && text.contains("ToSchema");
            let Some(name) = defined(text) else { continue };
            if std::mem::take(&mut described) {
                if let Some(first) = met.get(name) {
                    let mend = format!("{first} describes a {name} already: give one of them another name");
                    found.push(source.finding(line, "wire", &mend));
                } else {
                    met.insert(name, source.path.clone());
                }
            }
        }
    }
    found
}

fn defined(line: &str) -> Option<&str> {
    let line = line
        .strip_prefix("pub ")
        .or_else(|| line.strip_prefix("pub(crate) "))
        .unwrap_or(line);
    let rest = line.strip_prefix("struct ").or_else(|| line.strip_prefix("enum "))?;
    let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    rest.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_described_types_of_one_name_are_found() {
        let one = "#[derive(Debug, ToSchema)]\n#[serde(deny_unknown_fields)]\npub struct Factor {\n}\n";
        let found = one_name(&[
            Source::new("services/a/src/api/x.rs", one),
            Source::new("services/b/src/api/y.rs", one),
            Source::new("services/b/src/api/z.rs", "#[derive(Debug)]\nstruct Factor;\n"),
            Source::new(
                "services/c/src/api/w.rs",
                "#[derive(ToSchema)]\nenum Factors {}\nstruct Factor;\n",
            ),
        ]);
        let places: Vec<_> = found
            .iter()
            .map(|finding| (finding.path.as_str(), finding.line))
            .collect();
        assert_eq!(places, [("services/b/src/api/y.rs", 3)]);
    }
}
