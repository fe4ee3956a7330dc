//! Labels: a tenant's own marks, small enough to be kept in the row.

use std::collections::BTreeMap;

use fault::FieldError;

/// Labels that keep the rules: at most 64; keys of 1 to 63 characters from `a-z A-Z 0-9 . _ / -` that begin and end with a
/// letter or digit; values of at most 255 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels(BTreeMap<String, String>);

const MOST: usize = 64;
const LONGEST_KEY: usize = 63;
const LONGEST_VALUE: usize = 255;

impl Labels {
    /// The labels, if they keep the rules.
    pub fn check(labels: &BTreeMap<String, String>) -> Result<Self, Vec<FieldError>> {
        let mut wrong = Vec::new();
        if labels.len() > MOST {
            wrong.push(FieldError::new("/labels", format!("at most {MOST} labels are kept")));
        }
        for (key, value) in labels.iter().take(MOST) {
            // A pointer escapes ~ and / (RFC 6901).
            let at = format!("/labels/{}", key.replace('~', "~0").replace('/', "~1"));
            if !good_key(key) {
                let rule =
                    "a key has 1 to 63 characters of a-z A-Z 0-9 . _ / - and begins and ends with a letter or digit";
                wrong.push(FieldError::new(at, rule));
            } else if value.chars().count() > LONGEST_VALUE || value.chars().any(char::is_control) {
                wrong.push(FieldError::new(
                    at,
                    "a value has at most 255 characters and no control characters",
                ));
            }
        }
        if wrong.is_empty() {
            Ok(Self(labels.clone()))
        } else {
            Err(wrong)
        }
    }

    /// Key and value of the filter `label=key=value`.
    pub fn filter(text: &str) -> Result<(String, String), fault::Error> {
        let pair = text
            .split_once('=')
            .filter(|(key, value)| good_key(key) && value.len() <= 4 * LONGEST_VALUE);
        let (key, value) = pair.ok_or_else(|| fault::Error::invalid("?label", "must read key=value"))?;
        Ok((key.to_owned(), value.to_owned()))
    }

    /// As they are.
    pub const fn as_map(&self) -> &BTreeMap<String, String> {
        &self.0
    }
}

fn good_key(key: &str) -> bool {
    let edge = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte);
    key.len() <= LONGEST_KEY && edge(key.bytes().next()) && edge(key.bytes().last()) && key.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &str, value: &str) -> bool {
        Labels::check(&BTreeMap::from([(key.to_owned(), value.to_owned())])).is_ok()
    }

    #[test]
    fn keys_and_values_are_bounded() {
        assert!(check("env", "prod") && check("app.kubernetes.io/name", "网站") && check("a", ""));
        for key in ["", "-a", "a-", "a b", "ключ", &"k".repeat(64)] {
            assert!(!check(key, "x"), "{key}");
        }
        assert!(check("k", &"云".repeat(255)) && !check("k", &"v".repeat(256)));
        assert!(!check("k", "line\nbreak"), "t28");
        let many = (0..65).map(|n| (format!("k{n}"), String::new())).collect();
        assert!(Labels::check(&many).is_err());
    }

    #[test]
    fn a_filter_reads_key_and_value() {
        assert_eq!(Labels::filter("a=b=c").unwrap(), ("a".to_owned(), "b=c".to_owned()));
        assert!(Labels::filter("a").is_err() && Labels::filter("=b").is_err());
    }
}
