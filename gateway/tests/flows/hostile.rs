//! T16: hostile tokens at the door of a gateway that runs. The verifier's own tests say which rule refuses each; here each
//! gets its answer, the same one, and nothing goes down.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use auth::token::Claims;
use auth::{Binding, Principal, Role, Standing};
use forge::Forge;
use ids::TenantId;
use serde_json::Value;

use crate::stack::{Stack, settings};

/// What the gateway answers to this token, which need not be text: status, head and body.
fn answer(stack: &Stack, token: &[u8]) -> Option<(u16, String, String)> {
    let mut stream = TcpStream::connect(stack.plain).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(15))).unwrap();
    let head = b"GET /api/v1/projects HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ";
    // It may hang up on a head that is too large while that is still being sent.
    let _ = stream.write_all(&[head, token, b"\r\n\r\n"].concat());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((
        head.get(9..12)?.parse().ok()?,
        head.to_ascii_lowercase(),
        body.to_owned(),
    ))
}

/// A gateway, and the forge whose good token opens it.
fn start() -> (Stack, Forge, Claims) {
    let stack = Stack::with(settings());
    let claims = Stack::claims();
    let forge = Forge::new(claims.clone());
    *stack.behind.signer.lock().unwrap() = forge.signer();
    let bindings = vec![Binding::role(Role::Owner, None)];
    let standing = Standing::of(
        claims.tenant,
        Principal::User(ids::UserId::from_uuid(claims.sub)),
        bindings,
        None,
    );
    stack.behind.sessions.lock().unwrap().insert(claims.sid, standing);
    (stack, forge, claims)
}

/// Can the bytes stand in a header at all, by their kind and number?
fn is_header(token: &[u8]) -> bool {
    let control = |byte: &u8| *byte < b' ' && *byte != b'\t';
    token.len() < 16_000 && !token.iter().any(control)
}

#[test]
fn t16_each_hostile_token_gets_its_401_from_a_running_gateway() {
    let (stack, forge, _) = start();
    let good = forge.good().into_bytes();
    assert_eq!(
        answer(&stack, &good).unwrap().0,
        200,
        "or all of this would show nothing"
    );
    let reached = stack.seen().len();
    for piece in forge.hostile() {
        let name = &piece.name;
        let Some((status, head, body)) = answer(&stack, &piece.bytes) else {
            assert!(piece.bytes.len() > 16_000, "{name}: no answer");
            continue;
        };
        let expected: &[u16] = if is_header(&piece.bytes) { &[401] } else { &[400, 431] };
        assert!(expected.contains(&status), "{name}: {status} {body}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{name}: {head}"
        );
        let problem: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(problem["status"], status, "{name}");
        if status == 401 {
            assert_eq!(problem["code"], "unauthenticated", "{name}");
            assert!(head.contains("www-authenticate: bearer"), "{name}: {head}");
        }
        // Neither the token nor why it was refused.
        for told in ["eyJ", "signature", "kid", "alg", "exp", "claim"] {
            assert!(!body.contains(told), "{name} tells of {told:?}: {body}");
        }
    }
    assert_eq!(stack.seen().len(), reached, "nothing of it went further");
    assert_eq!(answer(&stack, &good).unwrap().0, 200, "and it still stands");
}

#[test]
fn t16_a_signature_does_not_make_another_session_or_tenant_of_it() {
    let (stack, _, claims) = start();
    let another = Stack::claims();
    let mixed = [
        Claims {
            tenant: TenantId::mint(),
            ..claims.clone()
        },
        Claims {
            sub: another.sub,
            ..claims.clone()
        },
        Claims {
            sid: another.sid,
            ..claims.clone()
        },
        another,
    ];
    for claims in mixed {
        let token = stack.sign(&claims);
        assert_eq!(answer(&stack, token.as_bytes()).unwrap().0, 401, "{claims:?}");
    }
    assert_eq!(answer(&stack, stack.sign(&claims).as_bytes()).unwrap().0, 200);
}
