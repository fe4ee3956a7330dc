//! `xtask check`: what the design demands and compilers do not see. One rule, one file, with its test.

mod manifests;
mod size;
mod sql;
mod toplevel;
mod wire;
mod words;

use std::{fmt, fs, path::Path};

use anyhow::{Result, bail};

use crate::{place::Place, sh::Sh};

/// A committed text file.
struct Source {
    /// Below the checkout, with forward slashes.
    path: String,
    text: String,
}

/// Something to mend.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Finding {
    path: String,
    line: usize,
    rule: &'static str,
    mend: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.rule, self.mend)
    }
}

type Rule = fn(&[Source]) -> Vec<Finding>;

const RULES: [Rule; 7] = [
    sql::outside_store,
    manifests::arrows,
    manifests::versions,
    size::too_long,
    toplevel::strangers,
    wire::one_name,
    words::forbidden,
];

pub fn check(place: &Place) -> Result<()> {
    let sources = sources(place)?;
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(&sources)).collect();
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} findings", findings.len());
    }
    Ok(())
}

/// Every file that is committed or would be; binary ones have no text to judge.
fn sources(place: &Place) -> Result<Vec<Source>> {
    let list = Sh::new("git")
        .args(["ls-files", "-z", "-co", "--exclude-standard"])
        .dir(&place.root)
        .read()?;
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        // A file that was deleted but not yet committed so is listed as well.
        let Ok(bytes) = fs::read(place.root.join(path)) else {
            continue;
        };
        sources.push(Source {
            path: path.to_owned(),
            text: String::from_utf8(bytes).unwrap_or_default(),
        });
    }
    Ok(sources)
}

impl Source {
    #[cfg(test)]
    fn new(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    fn is_rust(&self) -> bool {
        Path::new(&self.path)
            .extension()
            .is_some_and(|extension| extension == "rs")
    }

    /// Code of tests: it is judged by whether it fails when it should, not by its length.
    fn is_test(&self) -> bool {
        ["/tests/", "/testing/"].iter().any(|folder| self.path.contains(folder))
            || ["/tests.rs", "/testing.rs"]
                .iter()
                .any(|name| self.path.ends_with(name))
    }

    /// Numbered lines up to the tests at the bottom.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines: Vec<&str> = self.text.lines().collect();
        let tests = lines
            .windows(2)
            .position(|pair| matches!(pair, ["#[cfg(test)]", "mod tests {"]));
        let end = tests.unwrap_or(lines.len());
        lines
            .into_iter()
            .take(end)
            .enumerate()
            .map(|(index, line)| (index + 1, line))
    }

    fn finding(&self, line: usize, rule: &'static str, mend: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            rule,
            mend: mend.into(),
        }
    }
}
