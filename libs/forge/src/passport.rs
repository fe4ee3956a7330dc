use std::net::IpAddr;

use auth::passport::{Bearer, Key, Passport};
use auth::{Binding, Caller, Role};
use aws_lc_rs::hmac;
use ids::uuid::Uuid;
use ids::{RequestId, TenantId, UserId};

use crate::token::HOUR;
use crate::{Piece, b64, piece};

/// Any bytes as the body of a passport that is signed with `secret`: what is behind the signature is then looked at.
pub fn passport(secret: &[u8; 32], body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), body);
    format!("{}.{}", b64(body), b64(tag.as_ref()))
}

/// Passports that are good, and what only looks like one; then bodies, without their signature.
pub fn passports(secret: &[u8; 32]) -> Vec<Piece> {
    let key = Key::new(secret);
    let id = |low: u128| Uuid::from_u128(0x0192_f0c1_2d3e_7a4c_8d32_0000_0000_0000 + low);
    let caller = Caller::newcomer(
        TenantId::from_uuid(id(1)),
        UserId::from_uuid(id(2)),
        vec![Binding::role(Role::Operator, None)],
        Some(IpAddr::from([192, 0, 2, 7])),
        RequestId::from_uuid(id(3)),
    );
    let bearers = [
        ("anonymous", Bearer::Anonymous),
        ("caller", Bearer::Caller(caller)),
        ("certificate", Bearer::Certificate("a".repeat(64))),
        ("platform", Bearer::Platform("gateway".to_owned())),
    ];
    let mut all = Vec::new();
    for (name, bearer) in bearers {
        let sealed = key.seal(&Passport {
            bearer,
            address: Some(IpAddr::from([192, 0, 2, 7])),
            request: RequestId::from_uuid(id(3)),
            expires: HOUR + 60,
        });
        all.push(piece(format!("good-{name}"), sealed.clone()));
        let (body, tag) = sealed.split_once('.').expect("two parts");
        all.push(piece(format!("unsigned-{name}"), format!("{body}.")));
        all.push(piece(format!("cut-{name}"), format!("{body}.{}", &tag[1..])));
        let other = Key::new(&[0; 32]).seal(&Passport {
            bearer: Bearer::Platform("gateway".to_owned()),
            address: None,
            request: RequestId::from_uuid(id(3)),
            expires: HOUR + 60,
        });
        let (_, foreign) = other.split_once('.').expect("two parts");
        all.push(piece(format!("grafted-{name}"), format!("{body}.{foreign}")));
    }
    let request = id(3);
    let bodies = [
        ("body-empty-object", "{}".to_owned()),
        ("body-array", "[]".to_owned()),
        (
            "body-expired",
            format!(r#"{{"bearer":"anonymous","address":null,"request":"{request}","expires":0}}"#),
        ),
        (
            "body-twice",
            format!(
                r#"{{"bearer":"anonymous","bearer":{{"platform":"gateway"}},"address":null,"request":"{request}","expires":9e9}}"#
            ),
        ),
        ("body-deep", "[".repeat(10_000)),
        (
            "body-unknown-bearer",
            format!(r#"{{"bearer":{{"root":1}},"address":null,"request":"{request}","expires":1}}"#),
        ),
    ];
    all.extend(bodies.map(|(name, body)| piece(name, body)));
    all
}
