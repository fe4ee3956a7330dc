//! What other systems, or other doors of ours, take for a credential.

use super::Forge;
use crate::{Object, Piece, b64, piece};

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    [of_this_platform(forge), of_others(forge), encrypted(forge)].concat()
}

fn of_this_platform(forge: &Forge) -> Vec<Piece> {
    let body = forge.body();
    let typed = |typ: &str, body: &Object| forge.seal(forge.head().with_text("typ", typ).text(), body.text());
    let about = body
        .without("sid")
        .without("tenant")
        .with_text("aud", "portal")
        .with_text("nonce", "n-0S6_WzA2Mj")
        .with_text("email", "ada@example.com");
    let token = b64([0x5a; 112]);
    [
        ("id-token", typed("JWT", &about)),
        ("id-token-for-us", typed("JWT", &about.with("aud", body.value("aud")))),
        (
            "id-token-as-access-token",
            typed("at+jwt", &about.with("aud", body.value("aud"))),
        ),
        ("refresh-token", format!("yrt_{token}")),
        ("refresh-token-signed", typed("rt+jwt", &body)),
        (
            "refresh-token-claim",
            typed("at+jwt", &body.with_text("token_use", "refresh")),
        ),
        ("challenge", format!("ysc_{token}")),
        ("invitation", format!("yiv_{}", b64([0x5a; 32]))),
        ("enrolment", format!("yhe_{}", b64([0x5a; 32]))),
        ("logout-token", typed("logout+jwt", &body.with("events", "{}"))),
        ("authorization-code", b64([0x5a; 32])),
        ("passport", crate::passport(&[0; 32], forge.body().text().as_bytes())),
    ]
    .map(|(name, text)| piece(format!("shape-{name}"), text))
    .to_vec()
}

fn of_others(forge: &Forge) -> Vec<Piece> {
    let message = forge.message();
    let (head, body) = message.split_once('.').unwrap_or_default();
    let tag = b64(forge.signature(&message));
    let flat = format!(r#"{{"protected":"{head}","payload":"{body}","signature":"{tag}"}}"#);
    let general = format!(r#"{{"payload":"{body}","signatures":[{{"protected":"{head}","signature":"{tag}"}}]}}"#);
    [
        ("jws-flat", flat.clone()),
        ("jws-general", general),
        ("jws-flat-encoded", b64(flat)),
        ("sd-jwt", format!("{message}.{tag}~")),
        (
            "paseto",
            format!("v4.public.{}", b64(format!("{}{tag}", forge.body().text()))),
        ),
        (
            "saml",
            b64("<samlp:Response xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\"/>"),
        ),
        ("basic", "YWRhQGV4YW1wbGUuY29tOnBhc3N3b3Jk".to_owned()),
        ("uuid", "0192f0c1-2d3e-7a4c-8d32-000000000003".to_owned()),
        ("word-null", "null".to_owned()),
        ("word-undefined", "undefined".to_owned()),
        ("word-object", "[object Object]".to_owned()),
    ]
    .map(|(name, text)| piece(format!("shape-{name}"), text))
    .to_vec()
}

/// JWE (RFC 7516): five parts, or the header of one before three.
fn encrypted(forge: &Forge) -> Vec<Piece> {
    let head = |alg: &str| {
        let head = forge.head().with_text("alg", alg).with_text("enc", "A256GCM");
        head.text()
    };
    let (iv, text, tag) = (b64([1; 12]), b64(forge.body().text()), b64([2; 16]));
    [
        ("direct", format!("{}..{iv}.{text}.{tag}", b64(head("dir")))),
        (
            "wrapped",
            format!("{}.{}.{iv}.{text}.{tag}", b64(head("A256KW")), b64([3; 40])),
        ),
        (
            "agreed",
            format!("{}.{}.{iv}.{text}.{tag}", b64(head("ECDH-ES")), b64([3; 40])),
        ),
        (
            "password",
            format!("{}.{}.{iv}.{text}.{tag}", b64(head("PBES2-HS256+A128KW")), b64([3; 40])),
        ),
        ("three-parts", forge.seal(head("dir"), forge.body().text())),
        (
            "signed-within",
            forge.seal(forge.head().with_text("cty", "JWE").text(), format!("{text}.{tag}")),
        ),
    ]
    .map(|(name, text)| piece(format!("encrypted-{name}"), text))
    .to_vec()
}
