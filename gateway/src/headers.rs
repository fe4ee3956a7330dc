//! Which headers cross the gateway, in either direction.
//!
//! Inwards nothing crosses that a service could take for the gateway's word, whoever wrote it; outwards nothing that
//! speaks of the hop behind. Connection-bound headers (RFC 9110, 7.6.1) never cross.

use actix_http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Bound to one connection, and framing, which each hop makes for itself.
const HOP: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What only the gateway may say to a service.
const FORGED: &[&str] = &[
    "authorization",
    "baggage",
    "client-ip",
    "forwarded",
    "host",
    "http2-settings",
    "traceparent",
    "tracestate",
    "true-client-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-url",
    "x-real-ip",
    "x-request-id",
    "x-rewrite-url",
    "x-tenant-id",
    "x-user-id",
    // Judged here; services go by the passport.
    auth::access::HEADER,
];
const FORGED_FAMILIES: &[&str] = &["x-forwarded", "x-yunshu-", "x-original-"];

const CSP_PORTAL: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; font-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; \
     form-action 'self'";
const CSP_API: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Copies what a service may see of a request.
pub fn inwards(from: &HeaderMap, to: &mut HeaderMap) {
    copy(from, to, |name| HOP.contains(&name) || is_forged(name));
}

/// Copies what a client may see of an answer.
pub fn outwards(from: &HeaderMap, to: &mut HeaderMap) {
    copy(from, to, |name| {
        HOP.contains(&name) || name == "server" || name.starts_with("x-yunshu-")
    });
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, stays: impl Fn(&str) -> bool) {
    let named: Vec<&str> = from
        .get_all(header::CONNECTION)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(',').map(str::trim))
        .collect();
    for (name, value) in from {
        let bound = named.iter().any(|other| other.eq_ignore_ascii_case(name.as_str()));
        if !bound && !stays(name.as_str()) {
            to.append(name.clone(), value.clone());
        }
    }
}

/// Some servers read `X_Real_IP` as `X-Real-IP`.
fn is_forged(name: &str) -> bool {
    let name = name.replace('_', "-");
    FORGED.contains(&name.as_str()) || FORGED_FAMILIES.iter().any(|family| name.starts_with(family))
}

/// What a browser is told about every answer.
pub struct Manners {
    pub hsts: Option<HeaderValue>,
    pub portal: bool,
}

impl Manners {
    /// Writes the security headers; an answer may bring its own policy, but not drop one.
    pub fn apply(&self, headers: &mut HeaderMap) {
        let csp = if self.portal { CSP_PORTAL } else { CSP_API };
        for (name, value) in [
            ("content-security-policy", csp),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            (
                "permissions-policy",
                "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
            ),
        ] {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if let Some(hsts) = &self.hsts {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts.clone());
        }
        if !self.portal && !headers.contains_key(header::CACHE_CONTROL) {
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(name.parse().unwrap(), value.parse().unwrap());
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn t09_what_only_the_gateway_may_say_is_dropped() {
        let from = map(&[
            ("X-Forwarded-For", "1.2.3.4"),
            ("x-forwarded-proto", "https"),
            ("Forwarded", "for=1.2.3.4"),
            ("X-Real-IP", "1.2.3.4"),
            ("X_Real_IP", "1.2.3.4"),
            ("X-Tenant-Id", "t"),
            ("X_TENANT_ID", "t"),
            ("X-User-Id", "u"),
            (auth::passport::HEADER, "forged"),
            ("X-Yunshu-Anything", "x"),
            ("Yunshu-Operator-Access", "x"),
            ("X-Request-Id", "x"),
            ("Authorization", "Bearer x"),
            ("Host", "evil"),
            ("Accept", "application/json"),
            ("Idempotency-Key", "k"),
        ]);
        let mut to = HeaderMap::new();
        inwards(&from, &mut to);
        assert_eq!(names(&to), ["accept", "idempotency-key"]);
    }

    #[test]
    fn headers_of_one_hop_stay_there_and_so_do_those_it_names() {
        let from = map(&[
            ("Connection", "close, X-Mine"),
            ("X-Mine", "1"),
            ("TE", "trailers"),
            ("Transfer-Encoding", "chunked"),
            ("Server", "something/1"),
            ("ETag", "\"1\""),
        ]);
        let mut to = HeaderMap::new();
        outwards(&from, &mut to);
        assert_eq!(names(&to), ["etag"]);
    }

    #[test]
    fn repeated_headers_stay_repeated() {
        let from = map(&[("Accept", "a"), ("Accept", "b")]);
        let mut to = HeaderMap::new();
        inwards(&from, &mut to);
        assert_eq!(to.get_all("accept").count(), 2);
    }

    #[test]
    fn an_answer_may_say_how_long_it_keeps_and_nothing_else() {
        let mut headers = map(&[
            ("Cache-Control", "max-age=60"),
            ("Content-Security-Policy", "default-src *"),
        ]);
        Manners {
            hsts: None,
            portal: false,
        }
        .apply(&mut headers);
        assert_eq!(headers.get("cache-control").unwrap(), "max-age=60");
        assert_eq!(headers.get("content-security-policy").unwrap(), CSP_API);
    }
}
