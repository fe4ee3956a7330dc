//! People: what identity knows of them.

use crypto::Normal;
use fault::FieldError;
use ids::{TenantId, UserId};

/// The kind of value that addresses are, for the key they are found by.
pub const EMAIL: &str = "email";

const DISPLAY_NAME_MAX: usize = 200;
const EMAIL_MAX: usize = 254;

/// Somebody who can sign in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Their tenant.
    pub tenant: TenantId,
    /// Their id.
    pub id: UserId,
    /// Their address.
    pub email: Email,
    /// What they are called.
    pub display_name: String,
}

/// An e-mail address in its one spelling: lower case.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

impl Email {
    /// The address, if it is one (the shape HTML's `input type=email` takes; RFC 5321 length).
    pub fn check(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let trimmed = text.trim();
        let shaped = trimmed.is_ascii() && garde::rules::email::parse_email(trimmed).is_ok();
        if shaped && trimmed.len() <= EMAIL_MAX {
            Ok(Self(trimmed.to_ascii_lowercase()))
        } else {
            Err(FieldError::new(
                pointer,
                "must be an e-mail address, e.g. ada@example.com",
            ))
        }
    }

    /// As the database keeps it.
    pub(crate) const fn stored(text: String) -> Self {
        Self(text)
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the `@`.
    pub fn local_part(&self) -> &str {
        self.0.split_once('@').map_or(&self.0, |(local, _)| local)
    }
}

impl Normal for Email {
    fn normal(&self) -> Vec<u8> {
        self.0.as_bytes().to_vec()
    }
}

/// What a person or tenant is called: any script, one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

impl DisplayName {
    /// The name, if it is one; without one, `otherwise` serves.
    pub fn check(pointer: &str, text: Option<&str>, otherwise: &str) -> Result<Self, FieldError> {
        let name = text.map_or(otherwise, str::trim);
        let fits = (1..=DISPLAY_NAME_MAX).contains(&name.chars().count());
        // Direction overrides make one name look like another.
        let plain = !name
            .chars()
            .any(|c| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'));
        if fits && plain {
            Ok(Self(name.to_owned()))
        } else {
            let rule = format!("must be 1 to {DISPLAY_NAME_MAX} characters without control characters");
            Err(FieldError::new(pointer, rule))
        }
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
    fn an_address_has_one_spelling() {
        let email = Email::check("/email", " Ada.Lovelace@Example.COM ").unwrap();
        assert_eq!(
            (email.as_str(), email.local_part()),
            ("ada.lovelace@example.com", "ada.lovelace")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let long = format!("a@{}.com", "b".repeat(260));
        for bad in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "a b@example.com",
            "ada@example.com\r\nBcc: x@y.z",
            "ä@x.de",
            &long,
        ] {
            assert!(Email::check("/email", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn t28_names_are_one_plain_line_of_any_script() {
        for good in ["Ada", "阿达·洛芙莱斯", "O'Hara", &"é".repeat(200)] {
            assert!(DisplayName::check("/n", Some(good), "").is_ok(), "{good}");
        }
        for bad in ["", "  ", "a\nb", "a\u{1b}[31m", "user\u{202e}nimda", &"x".repeat(201)] {
            assert!(DisplayName::check("/n", Some(bad), "").is_err(), "{bad:?}");
        }
        assert_eq!(DisplayName::check("/n", None, "acme").unwrap().as_str(), "acme");
    }
}
