//! The token says how it is to be checked.

use aws_lc_rs::hmac;

use super::Forge;
use crate::{Piece, b64, piece};

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    [none(forge), keyed_with_what_is_public(forge), others(forge)].concat()
}

fn none(forge: &Forge) -> Vec<Piece> {
    let mut all = Vec::new();
    for (case, name) in [
        ("lower", "none"),
        ("title", "None"),
        ("upper", "NONE"),
        ("mixed", "nOnE"),
    ] {
        let head = forge.head().with_text("alg", name).text();
        let message = format!("{}.{}", b64(&head), b64(forge.body().text()));
        all.push(piece(format!("alg-none-{case}"), format!("{message}.")));
        all.push(piece(format!("alg-none-{case}-signed"), forge.sign(&message)));
        let bare = format!(
            "{}.{}.",
            b64(format!(r#"{{"alg":"{name}"}}"#)),
            b64(forge.body().text())
        );
        all.push(piece(format!("alg-none-{case}-alone"), bare));
    }
    all
}

/// The confusion of CVE-2015-9235: what everybody knows as the key of a MAC.
fn keyed_with_what_is_public(forge: &Forge) -> Vec<Piece> {
    let raw = forge.public().to_vec();
    let der = [b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00".as_slice(), &raw].concat();
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &der);
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
    let jwk = forge.signer.jwk();
    let keys = [
        ("raw", raw),
        ("der", der),
        ("pem", pem.clone().into_bytes()),
        ("pem-line", format!("{pem}\n").into_bytes()),
        ("x", jwk.x.clone().into_bytes()),
        ("kid", jwk.kid.clone().into_bytes()),
        ("empty", Vec::new()),
    ];
    let macs = [
        ("HS256", hmac::HMAC_SHA256),
        ("HS384", hmac::HMAC_SHA384),
        ("HS512", hmac::HMAC_SHA512),
    ];
    let mut all = Vec::new();
    for (alg, mac) in macs {
        let head = forge.head().with_text("alg", alg).text();
        let message = format!("{}.{}", b64(head), b64(forge.body().text()));
        for (name, key) in &keys {
            let tag = hmac::sign(&hmac::Key::new(mac, key), message.as_bytes());
            let token = format!("{message}.{}", b64(tag.as_ref()));
            all.push(piece(format!("alg-{alg}-key-{name}"), token));
        }
    }
    all
}

/// Signed with the real key, under another name.
fn others(forge: &Forge) -> Vec<Piece> {
    let named = [
        "HS256",
        "RS256",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES256",
        "ES384",
        "ES512",
        "ES256K",
        "Ed25519",
        "Ed448",
        "ML-DSA-44",
    ];
    let mut all: Vec<Piece> = named
        .map(|alg| {
            let head = forge.head().with_text("alg", alg).text();
            piece(format!("alg-{alg}-named"), forge.seal(head, forge.body().text()))
        })
        .to_vec();
    let odd = [
        ("missing", forge.head().without("alg")),
        ("null", forge.head().with("alg", "null")),
        ("number", forge.head().with("alg", "8")),
        ("list", forge.head().with("alg", r#"["EdDSA"]"#)),
        ("object", forge.head().with("alg", r#"{"EdDSA":null}"#)),
        ("empty", forge.head().with_text("alg", "")),
        ("lower-case", forge.head().with_text("alg", "eddsa")),
        ("space", forge.head().with_text("alg", "EdDSA ")),
        ("nul", forge.head().with_text("alg", "EdDSA\\u0000")),
        ("twice-none-first", forge.head().with_another("alg", "\"none\"", true)),
        ("twice-none-last", forge.head().with_another("alg", "\"none\"", false)),
        (
            "twice-escaped",
            forge.head().with_another("\\u0061lg", "\"none\"", false),
        ),
    ];
    all.extend(odd.map(|(name, head)| piece(format!("alg-{name}"), forge.seal(head.text(), forge.body().text()))));

    // Zeros satisfied broken verifiers of ECDSA (CVE-2022-21449).
    let head = forge.head().with_text("alg", "ES256").text();
    let zeros = format!("{}.{}.{}", b64(head), b64(forge.body().text()), b64([0; 64]));
    all.push(piece("alg-ES256-zeros", zeros));
    all
}
