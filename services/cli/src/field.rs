//! Fields of answers, which may be missing.

use serde_json::Value;

/// A field that is text.
pub fn text<'a>(of: &'a Value, field: &str) -> Option<&'a str> {
    of.get(field)?.as_str()
}

/// The entries of a field that is a list; none if it is missing.
pub fn entries<'a>(of: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> {
    of.get(field).and_then(Value::as_array).into_iter().flatten()
}
