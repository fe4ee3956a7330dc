//! Gathers what is wrong with a body, so that a client hears it all at once.

use fault::FieldError;
use ids::PoolId;

/// What was found wrong so far.
#[derive(Debug, Default)]
pub struct Check(Vec<FieldError>);

impl Check {
    /// Notes `rule` about the field at `pointer` unless it is kept.
    pub fn that(&mut self, kept: bool, pointer: &str, rule: &str) {
        if !kept {
            self.0.push(FieldError::new(pointer, rule));
        }
    }

    /// The name of a pool: `a-z`, `0-9` and `-`, beginning with a letter.
    pub fn name(&mut self, pointer: &str, name: &str) {
        self.0.extend(crate::vm::check_name(pointer, name));
    }

    /// The name of a flavor, an image or a host; versions may stand in it.
    pub fn title(&mut self, pointer: &str, name: &str) {
        let edge = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let bytes = name.as_bytes();
        let good = bytes.len() <= 63
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes
                .iter()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'));
        let rule = "must be 1 to 63 characters of a-z, 0-9, - and ., and begin and end with a letter or digit";
        self.that(good, pointer, rule);
        // What reads like an id could not be looked up by name.
        self.that(name.parse::<PoolId>().is_err(), pointer, "must not read like an id");
    }

    /// All that is wrong, or nothing.
    pub fn done(self) -> Result<(), fault::Error> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(fault::Error::invalid_fields(self.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn title(name: &str) -> bool {
        let mut check = Check::default();
        check.title("/name", name);
        check.done().is_ok()
    }

    #[test]
    fn titles() {
        for good in ["tiny", "m1.large", "debian-12", "0", "a.b-c.9"] {
            assert!(title(good), "{good}");
        }
        let long = "a".repeat(64);
        let id = PoolId::mint().to_string();
        for bad in ["", "-a", "a-", ".a", "a.", "A", "a b", "a/b", "ä", &long, &id] {
            assert!(!title(bad), "{bad}");
        }
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut check = Check::default();
        check.title("/name", "");
        check.that(false, "/vcpus", "must be at least 1");
        assert_eq!(check.done().unwrap_err().problem().errors.len(), 2);
    }
}
