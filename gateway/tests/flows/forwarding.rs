//! What reaches services, and what comes back.

use auth::Role;
use auth::passport::Bearer;
use futures::StreamExt;
use ids::RequestId;

use crate::stack::{Stack, settings};

#[tokio::test]
async fn a_request_reaches_its_role_with_a_passport_and_without_its_token() {
    let stack = Stack::start();
    let (claims, token) = stack.session(Role::Owner);

    let answer = stack
        .client()
        .post(stack.url("/api/v1/projects/default/vms?dry_run=true"))
        .bearer_auth(&token)
        .header("Idempotency-Key", "k1")
        .body("{\"name\":\"a\"}")
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 200);
    let id: RequestId = answer.headers()["x-request-id"].to_str().unwrap().parse().unwrap();
    let seen = stack.seen();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((seen.role, seen.method.as_str()), ("compute", "POST"));
    assert_eq!(seen.uri, "/api/v1/projects/default/vms?dry_run=true");
    assert_eq!(seen.body, b"{\"name\":\"a\"}");
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(seen.header("idempotency-key"), Some("k1"));
    assert_eq!(seen.header("x-request-id"), Some(id.to_string().as_str()));
    let passport = seen.passport.clone().unwrap();
    assert_eq!(passport.request, id);
    let Bearer::Caller(caller) = passport.bearer else {
        panic!("{passport:?}")
    };
    assert_eq!((caller.tenant(), caller.session()), (claims.tenant, Some(claims.sid)));
    assert_eq!(caller.bindings()[0].rights.name(), "owner");
    assert_eq!(caller.address(), Some([127, 0, 0, 1].into()));
}

#[tokio::test]
async fn t09_forged_headers_do_not_cross() {
    let stack = Stack::start();
    let forged = [
        ("X-Forwarded-For", "203.0.113.9"),
        ("X-Forwarded-Host", "evil.example"),
        ("Forwarded", "for=203.0.113.9"),
        ("X-Real-IP", "203.0.113.9"),
        ("X_Real_Ip", "203.0.113.9"),
        ("X-Tenant-Id", "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        ("X-User-Id", "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        ("X-Yunshu-Passport", "e30.e30"),
        ("X-Yunshu-Role", "owner"),
        ("X-Request-Id", "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3"),
        ("Connection", "X-Secret, keep-alive"),
        ("X-Secret", "1"),
        ("TE", "trailers"),
        ("Proxy-Authorization", "Basic eDp5"),
    ];
    let mut request = stack.client().get(stack.url("/"));
    for (name, value) in forged {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();

    assert_ne!(answer.headers()["x-request-id"], "0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3");
    let seen = &stack.seen()[0];
    let ours = ["x-yunshu-passport", "x-request-id"];
    for (name, value) in forged {
        let name = name.to_ascii_lowercase();
        if ours.contains(&name.as_str()) {
            assert_ne!(seen.header(&name), Some(value), "{name} is ours to say");
        } else {
            assert_eq!(seen.header(&name), None, "{name}");
        }
    }
    let passport = seen.passport.clone().expect("our own passport");
    assert_eq!(passport.bearer, Bearer::Anonymous);
    assert_eq!(passport.address, Some([127, 0, 0, 1].into()));
}

#[tokio::test]
async fn a_valid_trace_goes_on_and_an_invalid_one_begins_anew() {
    let stack = Stack::start();
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (given, kept) in [(parent, true), ("00-zz-1-1", false)] {
        stack
            .client()
            .get(stack.url("/"))
            .header("traceparent", given)
            .send()
            .await
            .unwrap();
        let seen = stack.seen().pop().unwrap();
        let passed = seen.header("traceparent").unwrap();
        assert_eq!(passed.contains("0af7651916cd43dd8448eb211c80319c"), kept, "{passed}");
        assert_ne!(passed, given, "the span is ours");
    }
}

#[tokio::test]
async fn paths_have_one_reading() {
    let stack = Stack::start();
    let (_, token) = stack.session(Role::Owner);
    for (path, status) in [
        ("/internal/sessions/0192f0c1-2d3e-7a4b-8c5d-6e7f8091a2b3", 404),
        ("/%69nternal/sessions/1", 404),
        ("/api/v1/unknown", 404),
        ("/api/v1/audit%2fevents", 400),
        ("/api/v1/a%00b", 400),
        ("/a%5cb", 400),
        ("/a%ff", 400),
    ] {
        let answer = stack
            .client()
            .get(stack.url(path))
            .bearer_auth(&token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{path}");
    }
    assert!(stack.seen().is_empty());
}

#[tokio::test]
async fn answers_carry_our_manners_and_nothing_of_the_service() {
    let stack = Stack::start();
    let answer = stack
        .client()
        .get(stack.secure_url("/?header=set-cookie:a=b"))
        .send()
        .await
        .unwrap();
    let headers = answer.headers();
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'self'; script-src 'self'")
    );
    assert!(headers.contains_key("strict-transport-security"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        assert_eq!(headers[name], value);
    }
    assert!(headers.contains_key("permissions-policy"));
    assert_eq!(headers["set-cookie"], "a=b");
    assert!(
        !headers.contains_key("server") && !headers.contains_key("x-yunshu-inside"),
        "{headers:?}"
    );

    let plain = stack
        .client()
        .get(stack.url("/.well-known/openid-configuration"))
        .send()
        .await
        .unwrap();
    assert!(
        !plain.headers().contains_key("strict-transport-security"),
        "HSTS means nothing without TLS"
    );
    assert_eq!(plain.headers()["cache-control"], "no-store");
    let kept = stack
        .client()
        .get(stack.url("/.well-known/x?header=cache-control:max-age=9"))
        .send()
        .await
        .unwrap();
    assert_eq!(kept.headers()["cache-control"], "max-age=9");
}

#[tokio::test]
async fn only_listed_origins_may_read() {
    let mut settings = settings();
    settings.origins = vec!["https://portal.example".to_owned()];
    let stack = Stack::with(settings);
    for (origin, allowed) in [
        ("https://portal.example", true),
        ("https://evil.example", false),
        ("null", false),
    ] {
        let preflight = stack
            .client()
            .request(reqwest::Method::OPTIONS, stack.url("/api/v1/me"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET")
            .send()
            .await
            .unwrap();
        assert_eq!(preflight.status(), 204);
        assert_eq!(
            preflight.headers().contains_key("access-control-allow-methods"),
            allowed,
            "{origin}"
        );
        let answer = stack
            .client()
            .get(stack.url("/.well-known/x"))
            .header("Origin", origin)
            .send()
            .await
            .unwrap();
        let header = answer.headers().get("access-control-allow-origin");
        assert_eq!(header.map(|value| value == origin), allowed.then_some(true), "{origin}");
        assert_eq!(answer.headers()["vary"], "origin");
        assert!(!answer.headers().contains_key("access-control-allow-credentials"));
    }
}

#[tokio::test]
async fn events_come_one_by_one_and_end_with_the_session() {
    let mut settings = settings();
    settings.trust.session_ms = 0;
    let stack = Stack::with(settings);
    let (claims, token) = stack.session(Role::Viewer);
    let answer = stack
        .client()
        .get(stack.url("/api/v1/events?events=3"))
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = answer.bytes_stream();
    for n in 0..3 {
        assert_eq!(
            events.next().await.unwrap().unwrap(),
            format!("data: {n}\n\n"),
            "one event, one chunk"
        );
    }

    stack.behind.sessions.lock().unwrap().get_mut(&claims.sid).unwrap().live = false;
    assert!(events.next().await.is_none(), "the stream ends, well-formed");
}

#[tokio::test]
async fn large_bodies_stream_both_ways() {
    let mut settings = settings();
    settings.sizes.body_bytes = 32 << 20;
    let stack = Stack::with(settings);
    let (_, token) = stack.session(Role::Owner);
    let url = stack.url("/api/v1/projects/p/vms?bytes=20000000");
    let chunks = futures::stream::iter((0..200).map(|_| Ok::<_, std::io::Error>(vec![b'y'; 100_000])));
    let request = stack
        .client()
        .post(url)
        .bearer_auth(&token)
        .body(reqwest::Body::wrap_stream(chunks));
    let answer = request.send().await.unwrap();
    assert_eq!(answer.content_length(), Some(20_000_000));
    assert_eq!(answer.bytes().await.unwrap().len(), 20_000_000);
    assert_eq!(stack.seen()[0].body.len(), 20_000_000);
}

#[tokio::test]
async fn head_tells_the_length_and_sends_nothing() {
    let stack = Stack::start();
    let answer = stack.client().head(stack.url("/file?bytes=1234")).send().await.unwrap();
    assert_eq!(answer.headers()["content-length"], "1234");
    for status in [204, 304] {
        let answer = stack
            .client()
            .get(stack.url(&format!("/file?status={status}")))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
        assert!(answer.bytes().await.unwrap().is_empty());
    }
}
