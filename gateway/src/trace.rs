//! Trace context (W3C Recommendation, level 1): accepted when valid, made when not, and passed on with our own span.

use actix_http::header::{HeaderMap, HeaderValue};
use ids::RequestId;

/// What goes on to the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// 32 hex digits.
    pub id: String,
    /// Does the caller record this trace?
    pub sampled: bool,
    /// Vendors' part of an accepted trace.
    pub state: Option<HeaderValue>,
}

impl Trace {
    /// The caller's trace, or a new one that bears the request's own id.
    pub fn of(headers: &HeaderMap, request: RequestId) -> Self {
        let mut parents = headers.get_all("traceparent");
        let accepted = match (parents.next(), parents.next()) {
            (Some(parent), None) => parent.to_str().ok().and_then(read),
            _ => None,
        };
        match accepted {
            Some((id, sampled)) => Self {
                id,
                sampled,
                state: headers.get("tracestate").cloned(),
            },
            None => Self {
                id: request.as_uuid().simple().to_string(),
                sampled: false,
                state: None,
            },
        }
    }

    /// The header's value, with a new span.
    pub fn parent(&self) -> String {
        // The second half of a UUIDv7 is random but for two bits.
        let (_, span) = RequestId::mint().as_uuid().as_u64_pair();
        format!("00-{}-{span:016x}-{:02x}", self.id, u8::from(self.sampled))
    }
}

fn read(text: &str) -> Option<(String, bool)> {
    let mut parts = text.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &str| part.bytes().all(|byte| byte == b'0');
    let shaped = hex(version, 2) && hex(trace, 32) && hex(span, 16) && hex(flags, 2);
    // Version 00 ends here; later ones may say more, which is not ours to read.
    let ended = parts.next().is_none() || version != "00";
    if !shaped || !ended || version == "ff" || zero(trace) || zero(span) {
        return None;
    }
    let flags = u8::from_str_radix(flags, 16).ok()?;
    Some((trace.to_owned(), flags & 1 == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_parents_are_accepted() {
        let trace = "0af7651916cd43dd8448eb211c80319c";
        for (text, good) in [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-more", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", false),
            ("", false),
        ] {
            assert_eq!(read(text).is_some_and(|(id, _)| id == trace), good, "{text}");
        }
    }

    #[test]
    fn a_new_trace_bears_the_requests_id_and_every_hop_its_own_span() {
        let request = RequestId::mint();
        let trace = Trace::of(&HeaderMap::new(), request);
        assert_eq!(trace.id, request.as_uuid().simple().to_string());
        assert_ne!(trace.parent(), trace.parent());
        assert!(read(&trace.parent()).is_some());
    }
}
