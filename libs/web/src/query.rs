use actix_web::HttpRequest;
use fault::{FieldError, Kind};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// No query parameter is known here.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoQuery {}

/// What every change understands.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeQuery {
    #[serde(default)]
    pub dry_run: bool,
}

/// Reads the query strictly: unknown names, repeated names and wrong types are 400.
pub(crate) fn parse<Q: DeserializeOwned>(request: &HttpRequest) -> Result<Q, fault::Error> {
    let text = request.query_string();
    let input = serde_urlencoded::Deserializer::new(form_pairs(text)?);
    serde_path_to_error::deserialize(input).map_err(|error| {
        let field = error.path().to_string();
        let name = if field == "." { String::new() } else { field };
        fault::Error::invalid_fields(vec![FieldError::new(
            format!("?{name}"),
            error.into_inner().to_string(),
        )])
    })
}

pub(crate) fn form_pairs(text: &str) -> Result<form_urlencoded::Parse<'_>, fault::Error> {
    // A lone percent sign or bytes that are no UTF-8 would be repaired silently; we would rather say so.
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let pair = (bytes.next(), bytes.next());
            let whole = matches!(pair, (Some(a), Some(b)) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit());
            if !whole {
                return Err(fault::Error::new(
                    Kind::Malformed,
                    "Query or form is not percent-encoded correctly.",
                ));
            }
        }
    }
    let spaced = text.replace('+', " ");
    let decoded: Vec<u8> = percent_encoding::percent_decode_str(&spaced).collect();
    if std::str::from_utf8(&decoded).is_err() || decoded.contains(&0) {
        return Err(fault::Error::new(
            Kind::Malformed,
            "Query or form is not UTF-8, or holds a NUL.",
        ));
    }
    Ok(form_urlencoded::parse(text.as_bytes()))
}
