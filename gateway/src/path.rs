//! The path of a request in its one reading.
//!
//! The gateway decides by the path who answers and who may ask; the service behind reads it again. Both must read the
//! same, so a path that could be read in two ways is refused: dot segments, escaped slashes, control characters, bytes
//! that are no UTF-8.

use actix_http::Uri;
use fault::{Error, Kind};

/// The path with its escapes undone.
pub fn read(uri: &Uri, longest: usize) -> Result<String, Error> {
    let refuse = |detail: &'static str| Error::new(Kind::Malformed, detail);
    if uri.authority().is_some() || uri.scheme().is_some() {
        return Err(refuse("Ask for a path, not for a whole address: this is no proxy."));
    }
    let whole = uri.path_and_query().map_or(0, |both| both.as_str().len());
    if whole > longest {
        return Err(Error::new(
            Kind::Malformed,
            format!("The address may have {longest} bytes; this one has more."),
        ));
    }
    let path = uri.path();
    if !path.starts_with('/') {
        return Err(refuse("The path must begin with a slash."));
    }
    let path = unescape(path).ok_or_else(|| refuse("The path has a broken escape, or is not UTF-8."))?;
    let ambiguous = path.split('/').any(|part| part == "." || part == "..")
        || path.chars().any(|char| char.is_control() || char == '\\');
    if ambiguous {
        return Err(refuse("The path has dot segments, backslashes or control characters."));
    }
    Ok(path)
}

/// None as well if an escape stands for a slash: undone, it would make two segments of one.
fn unescape(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let value = digit(rest.next())? * 16 + digit(rest.next())?;
        let value = u8::try_from(value).ok()?;
        if value == b'/' {
            return None;
        }
        bytes.push(value);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        for (path, reading) in [
            ("/api/v1/me", Some("/api/v1/me")),
            ("/api/v1/projects/a%20b?x=%2F", Some("/api/v1/projects/a b")),
            ("/%69nternal/x", Some("/internal/x")),
            ("/a%2Fb", None),
            ("/a%2fb", None),
            ("/a/../b", None),
            ("/a/%2e%2E/b", None),
            ("/a/./b", None),
            ("/a%5cb", None),
            ("/a%00", None),
            ("/a%0d%0ab", None),
            ("/a%", None),
            ("/a%zz", None),
            ("/a%ff", None),
            ("http://evil.example/a", None),
            ("*", None),
        ] {
            let uri: Uri = path.parse().unwrap();
            assert_eq!(read(&uri, 100).ok().as_deref(), reading, "{path}");
        }
    }

    #[test]
    fn the_query_counts_towards_the_length() {
        let uri: Uri = format!("/?{}", "a".repeat(99)).parse().unwrap();
        assert!(read(&uri, 100).is_err());
        assert!(read(&uri, 101).is_ok());
    }
}
