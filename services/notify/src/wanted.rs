//! Which types of events a client asked for.

/// Names in one `?types=`.
const MOST: usize = 50;

/// Types, and beginnings of types.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted(Vec<Pattern>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    Is(String),
    Begins(String),
}

impl Wanted {
    /// Reads `vm.created,project.*`; nothing asked for means everything.
    pub fn check(text: Option<&str>) -> Result<Self, fault::Error> {
        let Some(text) = text else { return Ok(Self::default()) };
        let patterns: Option<Vec<_>> = text.split(',').map(pattern).collect();
        match patterns {
            Some(patterns) if patterns.len() <= MOST => Ok(Self(patterns)),
            _ => {
                let rule = format!("must be up to {MOST} types such as `vm.created` or `vm.*`, divided by commas");
                Err(fault::Error::invalid("?types", rule))
            }
        }
    }

    /// Was this type asked for?
    pub fn has(&self, kind: &str) -> bool {
        self.0.is_empty()
            || self.0.iter().any(|pattern| match pattern {
                Pattern::Is(name) => name == kind,
                Pattern::Begins(start) => kind.starts_with(start.as_str()),
            })
    }
}

fn pattern(text: &str) -> Option<Pattern> {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let (resource, happened) = text.split_once('.')?;
    if !word(resource) {
        return None;
    }
    if happened == "*" {
        return Some(Pattern::Begins(format!("{resource}.")));
    }
    word(happened).then(|| Pattern::Is(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_stars_are_read_and_nothing_else() {
        let wanted = Wanted::check(Some("vm.created,project.*")).unwrap();
        assert!(wanted.has("vm.created") && wanted.has("project.deleted"));
        assert!(!wanted.has("vm.deleted") && !wanted.has("projects.x"));
        assert!(Wanted::check(None).unwrap().has("anything.at_all"));
        for bad in [
            "",
            "vm",
            "vm.",
            ".created",
            "*",
            "vm.c*",
            "VM.created",
            "vm.created,",
            "vm created.x",
        ] {
            assert!(Wanted::check(Some(bad)).is_err(), "{bad}");
        }
        assert!(Wanted::check(Some(&vec!["vm.created"; 51].join(","))).is_err());
    }
}
