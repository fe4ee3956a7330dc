use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpMessage, HttpRequest};
use fault::{FieldError, Kind};
use futures::StreamExt;
use serde::de::DeserializeOwned;

/// The largest body a service reads, in bytes.
pub const MAX_BODY: usize = 1 << 20;

/// Reads the whole body, within the limit.
pub(crate) async fn read(request: &HttpRequest, payload: &mut Payload) -> Result<Vec<u8>, fault::Error> {
    if request.headers().contains_key(CONTENT_ENCODING) {
        // Unpacking before limits is how small bodies become large ones.
        return Err(fault::Error::new(
            Kind::UnsupportedMediaType,
            "Send the body without Content-Encoding.",
        ));
    }
    let announced = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_large());
    }
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|error| {
            fault::Error::new(Kind::Malformed, "The body ended early or cannot be read.").private(error)
        })?;
        if body.len() + chunk.len() > MAX_BODY {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn too_large() -> fault::Error {
    fault::Error::new(Kind::TooLarge, format!("The body may have {MAX_BODY} bytes at most."))
}

/// The JSON value of the body. Unknown fields, repeated fields, wrong types and NULs are 400 with the field's pointer.
pub(crate) fn json<B: DeserializeOwned>(request: &HttpRequest, body: &[u8]) -> Result<B, fault::Error> {
    if request.headers().contains_key(CONTENT_TYPE) || !body.is_empty() {
        let json = request.content_type().eq_ignore_ascii_case("application/json");
        if !json {
            return Err(fault::Error::new(
                Kind::UnsupportedMediaType,
                "Send Content-Type: application/json.",
            ));
        }
    }
    let text = std::str::from_utf8(body).map_err(|_| fault::Error::new(Kind::Malformed, "The body is not UTF-8."))?;
    // Serde would take an array for a struct, field by field; no body of ours is one.
    if text.trim_start().starts_with('[') {
        return Err(fault::Error::invalid("", "must be an object, not an array"));
    }
    let mut input = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut input).map_err(|error| {
        let pointer = pointer(error.path());
        let inner = error.into_inner();
        match inner.classify() {
            serde_json::error::Category::Data => {
                fault::Error::invalid_fields(vec![FieldError::new(pointer, inner.to_string())])
            }
            _ => fault::Error::new(Kind::Malformed, format!("The body is not JSON as documented: {inner}.")),
        }
    })?;
    input
        .end()
        .map_err(|_| fault::Error::new(Kind::Malformed, "There is more after the JSON value."))?;
    // PostgreSQL's text cannot hold NUL; no field of ours needs one.
    if text.contains("\\u0000") || text.contains('\0') {
        return Err(fault::Error::new(
            Kind::Invalid,
            "The character NUL is not taken anywhere.",
        ));
    }
    Ok(value)
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment;
    path.iter()
        .map(|segment| match segment {
            Segment::Seq { index } => format!("/{index}"),
            Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Segment::Enum { variant } => format!("/{variant}"),
            Segment::Unknown => "/?".to_owned(),
        })
        .collect()
}
