use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use fault::{FieldError, Kind};
use futures::future::LocalBoxFuture;
use secrecy::SecretString;
use serde::de::DeserializeOwned;

use crate::body;
use crate::extract::{Origin, passport};
use crate::query;

/// The longest form that is read, in bytes.
const MAX_FORM: usize = 16 * 1024;

/// A form from nobody in particular (`application/x-www-form-urlencoded`), as the endpoints of OAuth 2.0 take it.
///
/// A form that cannot be read is handed on as such, since those endpoints tell of it in a way of their own (RFC 6749,
/// 5.2). Unknown and repeated parameters make one unreadable; a parameter without a value counts as left out (3.2).
pub struct Form<B> {
    /// What it says.
    pub body: Result<B, fault::Error>,
    /// What stands after `Authorization: Basic`, if anything does.
    pub basic: Option<SecretString>,
    /// Where it came from.
    pub origin: Origin,
}

impl<B: DeserializeOwned + 'static> FromRequest for Form<B> {
    type Error = fault::Error;
    type Future = LocalBoxFuture<'static, Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let origin = Origin::of(&request, &passport(&request)?);
            let body = match body::read(&request, &mut payload).await {
                Ok(bytes) => parse(&request, &bytes),
                Err(error) => Err(error),
            };
            Ok(Self {
                body,
                basic: basic(&request),
                origin,
            })
        })
    }
}

/// A request from nobody in particular that says all in its query. What is not known there is passed over: programs that
/// follow a standard send what that standard may have grown.
pub struct Visit<Q> {
    /// The query.
    pub query: Q,
    /// Where it came from.
    pub origin: Origin,
}

impl<Q: DeserializeOwned + 'static> FromRequest for Visit<Q> {
    type Error = fault::Error;
    type Future = std::future::Ready<Result<Self, fault::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(passport(request).and_then(|passport| {
            Ok(Self {
                query: query::parse(request)?,
                origin: Origin::of(request, &passport),
            })
        }))
    }
}

fn basic(request: &HttpRequest) -> Option<SecretString> {
    let value = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("basic")
        .then(|| SecretString::from(rest.trim()))
}

fn parse<B: DeserializeOwned>(request: &HttpRequest, bytes: &[u8]) -> Result<B, fault::Error> {
    let form = request
        .content_type()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded");
    if !form {
        let detail = "Send Content-Type: application/x-www-form-urlencoded.";
        return Err(fault::Error::new(Kind::UnsupportedMediaType, detail));
    }
    if bytes.len() > MAX_FORM {
        let detail = format!("The form may have {MAX_FORM} bytes at most.");
        return Err(fault::Error::new(Kind::TooLarge, detail));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| fault::Error::new(Kind::Malformed, "The form is not UTF-8."))?;
    let said: Vec<_> = query::form_pairs(text)?
        .filter(|(_, value)| !value.is_empty())
        .collect();
    let written = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(said)
        .finish();
    let input = serde_urlencoded::Deserializer::new(form_urlencoded::parse(written.as_bytes()));
    serde_path_to_error::deserialize(input).map_err(|error| {
        let name = error.path().to_string();
        let pointer = if name == "." { String::new() } else { name };
        fault::Error::invalid_fields(vec![FieldError::new(pointer, error.into_inner().to_string())])
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Ask {
        code: Option<String>,
        scope: Option<String>,
    }

    fn read(kind: &str, text: &[u8]) -> Result<Ask, Kind> {
        let request = TestRequest::post()
            .insert_header(("content-type", kind))
            .to_http_request();
        parse(&request, text).map_err(|error| error.kind())
    }

    #[test]
    fn t51_a_form_is_read_strictly() {
        const FORM: &str = "application/x-www-form-urlencoded";
        let ask = |code: Option<&str>, scope: Option<&str>| Ask {
            code: code.map(str::to_owned),
            scope: scope.map(str::to_owned),
        };
        assert_eq!(read(FORM, b"code=a%20b&scope=x+y"), Ok(ask(Some("a b"), Some("x y"))));
        assert_eq!(read(FORM, b"code=&scope=x"), Ok(ask(None, Some("x"))));
        assert_eq!(read(FORM, b""), Ok(ask(None, None)));
        assert_eq!(read("application/json", b"{}"), Err(Kind::UnsupportedMediaType));
        for (bad, kind) in [
            (&b"code=a&code=b"[..], Kind::Invalid),
            (b"code=a&extra=b", Kind::Invalid),
            (b"code=%zz", Kind::Malformed),
            (b"code=%ff", Kind::Malformed),
            (b"code=a%00", Kind::Malformed),
            (b"\xff", Kind::Malformed),
        ] {
            assert_eq!(read(FORM, bad), Err(kind), "{}", String::from_utf8_lossy(bad));
        }
        let long = format!("code={}", "a".repeat(MAX_FORM));
        assert_eq!(read(FORM, long.as_bytes()), Err(Kind::TooLarge));
    }
}
