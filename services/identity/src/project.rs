//! Projects: the drawers of a tenant.

use fault::FieldError;

/// Rules for names that people type and paths carry: DNS labels (RFC 1123), never an id's form.
const NAME_MAX: usize = 63;
const DESCRIPTION_MAX: usize = 1000;

/// A checked name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(String);

impl Name {
    /// The name, if it is one: lower-case letters, digits and hyphens, begins with a letter, 63 at most.
    pub fn check(text: &str) -> Result<Self, FieldError> {
        let rule =
            "must be 1 to 63 lower-case letters, digits or hyphens, begin with a letter and not end with a hyphen";
        let allowed = text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let begins = text.starts_with(|first: char| first.is_ascii_lowercase());
        let fits = (1..=NAME_MAX).contains(&text.len()) && allowed && begins && !text.ends_with('-');
        let like_an_id = text.parse::<ids::ProjectId>().is_ok();
        if fits && !like_an_id {
            Ok(Self(text.to_owned()))
        } else {
            Err(FieldError::new("/name", rule))
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A checked description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

impl Description {
    /// The description, if it is short enough.
    pub fn check(text: &str) -> Result<Self, FieldError> {
        if text.chars().count() > DESCRIPTION_MAX {
            return Err(FieldError::new(
                "/description",
                format!("must have {DESCRIPTION_MAX} characters at most"),
            ));
        }
        Ok(Self(text.to_owned()))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_dns_labels_and_never_look_like_ids() {
        for good in ["a", "web-1", &"a".repeat(63)] {
            assert!(Name::check(good).is_ok(), "{good}");
        }
        let id = "abcdef00-1234-7abc-8def-000000000000";
        for bad in ["", "1a", "-a", "a-", "A", "a_b", "ä", &"a".repeat(64), id, "a\n"] {
            assert!(Name::check(bad).is_err(), "{bad}");
        }
    }
}
