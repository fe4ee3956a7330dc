//! Pages of other origins (Fetch standard, CORS protocol): only those that the settings list, and never with cookies.

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_http::{Method, StatusCode};
use actix_web::HttpResponse;

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key, if-match, if-none-match, last-event-id, traceparent, yunshu-operator-access";
const ANSWER_HEADERS: &str =
    "etag, location, operation-location, idempotent-replayed, retry-after, x-request-id, ratelimit, ratelimit-policy";

/// The origins that may read answers.
pub struct Cors(Vec<String>);

impl Cors {
    pub fn new(origins: Vec<String>) -> Self {
        Self(origins)
    }

    /// The answer to a preflight request, if it is one.
    pub fn preflight(&self, method: &Method, headers: &HeaderMap) -> Option<HttpResponse> {
        let asks = headers.contains_key(header::ORIGIN) && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if method != Method::OPTIONS || !asks {
            return None;
        }
        let mut answer = HttpResponse::build(StatusCode::NO_CONTENT);
        if self.allowed(headers).is_some() {
            answer.insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, METHODS));
            answer.insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS));
            answer.insert_header((header::ACCESS_CONTROL_MAX_AGE, "600"));
        }
        Some(answer.finish())
    }

    /// Lets the page read the answer, if its origin is listed; drops what a service may have said on the matter.
    pub fn apply(&self, origin: Option<&HeaderValue>, answer: &mut HeaderMap) {
        if self.0.is_empty() {
            answer.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
            return;
        }
        answer.append(header::VARY, HeaderValue::from_static("origin"));
        let Some(origin) = origin else { return };
        answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        answer.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static(ANSWER_HEADERS),
        );
        // The page has been let in by name; this header would keep it out again.
        answer.insert(
            HeaderName::from_static("cross-origin-resource-policy"),
            HeaderValue::from_static("cross-origin"),
        );
    }

    /// The origin, if it is listed.
    pub fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        let origin = headers.get(header::ORIGIN)?;
        let known = self.0.iter().any(|known| known.as_bytes() == origin.as_bytes());
        known.then(|| origin.clone())
    }
}
