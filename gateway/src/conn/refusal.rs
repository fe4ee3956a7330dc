//! What the HTTP layer says to a head it cannot read, said our way.
//!
//! A malformed, oversized or late head never becomes a request, so no handler answers it: the layer below writes a bare
//! status line. That answer is always the last thing it writes, and the only one without a request's id; it is found
//! by that at the end of what is to be written, and a problem goes out in its place.

use std::fmt::Write as _;

use actix_http::StatusCode;
use actix_http::body::MessageBody;
use actix_http::header::{self, HeaderMap};
use actix_web::{HttpResponse, ResponseError};
use fault::{Error, Kind};
use futures::FutureExt;
use ids::RequestId;

use super::Conn;
use crate::headers::Manners;

/// Longer than any head that the layer writes by itself.
const LONGEST: usize = 256;

/// Where a bare refusal begins, and its status. The caller knows that no body is under way.
pub fn find(bytes: &[u8]) -> Option<(usize, u16)> {
    let rest = bytes.strip_suffix(b"\r\n\r\n")?;
    let from = rest.len().saturating_sub(LONGEST);
    let tail = rest.get(from..)?;
    let at = tail.windows(7).rposition(|part| part == b"HTTP/1.")?;
    let head = tail.get(at..)?.to_ascii_lowercase();
    let status: u16 = std::str::from_utf8(head.get(9..12)?).ok()?.parse().ok()?;
    let whole = !has(&head, b"\r\n\r\n") && !has(&head, b"\r\nx-request-id:");
    (whole && status >= 400).then_some((from + at, status))
}

fn has(head: &[u8], what: &[u8]) -> bool {
    head.windows(what.len()).any(|part| part == what)
}

/// The answer in its place, head and body.
pub fn answer(conn: &Conn, status: u16) -> Vec<u8> {
    let error = match status {
        431 => Error::new(
            Kind::HeadersTooLarge,
            "The request's head is larger than what is taken.",
        ),
        408 => Error::new(Kind::Timeout, "The request's head did not arrive in time."),
        400..500 => Error::new(Kind::Malformed, "The request's head is not well-formed HTTP/1.1."),
        _ => Error::internal("the HTTP layer gave up on a connection"),
    };
    let id = RequestId::mint();
    // Nothing in it waits; the scope alone is asynchronous.
    let answer = fault::request::scope(id, async { error.error_response() }).now_or_never();
    let answer = answer.unwrap_or_else(|| HttpResponse::BadRequest().finish());
    tracing::info!(
        target: "access",
        request = %id,
        status = answer.status().as_u16(),
        address = %conn.address,
        secure = conn.secure,
        "no request could be read"
    );
    serialise(answer, id)
}

fn serialise(answer: HttpResponse, id: RequestId) -> Vec<u8> {
    let status: StatusCode = answer.status();
    let mut headers: HeaderMap = answer.headers().clone();
    // Whether this is a developer's localhost nobody knows, so nothing is said of the transport's future.
    let manners = Manners {
        hsts: None,
        portal: false,
    };
    manners.apply(&mut headers);
    let body = answer.into_body().try_into_bytes().unwrap_or_default();
    let mut head = format!("HTTP/1.1 {status}\r\nconnection: close\r\nx-request-id: {id}\r\n");
    for (name, value) in &headers {
        if name != header::CONTENT_LENGTH {
            let _ = write!(head, "{name}: {}\r\n", value.to_str().unwrap_or_default());
        }
    }
    let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&body);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARE: &str = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\ndate: Sat, 21 Nov 2026 04:00:00 GMT\r\n\r\n";

    #[test]
    fn a_bare_refusal_is_found_also_behind_an_answer() {
        assert_eq!(find(BARE.as_bytes()), Some((0, 400)));
        let answer = "HTTP/1.1 200 OK\r\nx-request-id: x\r\ncontent-length: 2\r\n\r\nok";
        assert_eq!(find(format!("{answer}{BARE}").as_bytes()), Some((answer.len(), 400)));
        let long = "b".repeat(100_000);
        assert_eq!(find(format!("{long}{BARE}").as_bytes()), Some((long.len(), 400)));
    }

    #[test]
    fn our_own_answers_are_left_alone() {
        for text in [
            "",
            "\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\n",
            "HTTP/1.1 404 Not Found\r\nX-Request-Id: x\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 4\r\n\r\n\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}",
        ] {
            assert_eq!(find(text.as_bytes()), None, "{text:?}");
        }
    }
}
