//! Headers that point elsewhere, ask for what we do not do, or are no headers. All but three are signed with the real key.

use aws_lc_rs::signature::KeyPair;

use super::Forge;
use crate::{Object, Piece, b64, piece};

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    let named = [types(forge), key_ids(forge), pointers(forge), extensions(forge)].concat();
    let mut all: Vec<Piece> = named
        .into_iter()
        .map(|(name, head)| piece(name, forge.seal(head.text(), forge.body().text())))
        .collect();
    all.extend(strangers(forge));
    all.extend(broken(forge));
    all
}

fn types(forge: &Forge) -> Vec<(String, Object)> {
    let other = [
        "JWT",
        "at+JWT",
        "application/at+jwt",
        "id+jwt",
        "logout+jwt",
        "dpop+jwt",
        "at+jwt ",
        "",
    ];
    let mut all: Vec<_> = other
        .iter()
        .enumerate()
        .map(|(at, typ)| (format!("typ-other-{at}"), forge.head().with_text("typ", typ)))
        .collect();
    for (name, head) in [
        ("missing", forge.head().without("typ")),
        ("null", forge.head().with("typ", "null")),
        ("number", forge.head().with("typ", "1")),
        ("list", forge.head().with("typ", r#"["at+jwt"]"#)),
        ("twice", forge.head().with_another("typ", "\"JWT\"", true)),
    ] {
        all.push((format!("typ-{name}"), head));
    }
    all
}

fn key_ids(forge: &Forge) -> Vec<(String, Object)> {
    let own = forge.signer.jwk().kid.clone();
    [
        ("absent", forge.head().without("kid")),
        ("null", forge.head().with("kid", "null")),
        ("number", forge.head().with("kid", "0")),
        ("list", forge.head().with("kid", format!("[\"{own}\"]"))),
        ("empty", forge.head().with_text("kid", "")),
        ("unknown", forge.head().with_text("kid", "AAAAAAAAAAAAAAAA")),
        ("path", forge.head().with_text("kid", "../../../../../../dev/null")),
        ("path-absolute", forge.head().with_text("kid", "/etc/passwd")),
        (
            "path-windows",
            forge.head().with_text("kid", "..\\\\..\\\\windows\\\\win.ini"),
        ),
        ("sql", forge.head().with_text("kid", "' or '1'='1' --")),
        ("sql-union", forge.head().with_text("kid", "x' union select 'AAAA' --")),
        (
            "sql-drop",
            forge.head().with_text("kid", "'; drop table identity.signing_keys; --"),
        ),
        ("shell", forge.head().with_text("kid", "$(id)`id`|id;id")),
        ("url", forge.head().with_text("kid", "https://evil.example/key.pem")),
        ("template", forge.head().with_text("kid", "{{7*7}}${7*7}#{7*7}")),
        ("nul-behind", forge.head().with_text("kid", &format!("{own}\\u0000"))),
        ("space-behind", forge.head().with_text("kid", &format!("{own} "))),
        (
            "line-behind",
            forge.head().with_text("kid", &format!("{own}\\r\\nx: y")),
        ),
        ("cut", forge.head().with_text("kid", &own[1..])),
        ("large", forge.head().with_text("kid", &"k".repeat(2_000))),
        ("huge", forge.head().with_text("kid", &"k".repeat(8_000))),
        ("twice", forge.head().with_another("kid", "\"AAAAAAAAAAAAAAAA\"", true)),
    ]
    .map(|(name, head)| (format!("kid-{name}"), head))
    .to_vec()
}

/// Where to find the key: with us, never where the token says.
fn pointers(forge: &Forge) -> Vec<(String, Object)> {
    [
        ("jku", "\"https://evil.example/jwks.json\"".to_owned()),
        ("jku", "\"file:///etc/passwd\"".to_owned()),
        ("jku", "\"http://169.254.169.254/latest/\"".to_owned()),
        ("x5u", "\"https://evil.example/cert.pem\"".to_owned()),
        ("x5c", "[\"MIIB\"]".to_owned()),
        ("x5t", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAA\"".to_owned()),
        ("x5t#S256", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"".to_owned()),
        ("jwk", jwk(forge.public())),
        ("jwk", "{\"kty\":\"oct\",\"k\":\"\"}".to_owned()),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (member, raw))| (format!("pointer-{at}"), forge.head().with(member, raw)))
    .collect()
}

/// What must be understood and is not (RFC 7515, 4.1.11), and what we never write.
fn extensions(forge: &Forge) -> Vec<(String, Object)> {
    [
        (
            "crit-unknown",
            forge.head().with("crit", "[\"bork\"]").with("bork", "1"),
        ),
        ("crit-empty", forge.head().with("crit", "[]")),
        ("crit-exp", forge.head().with("crit", "[\"exp\"]").with("exp", "0")),
        ("crit-missing-member", forge.head().with("crit", "[\"bork\"]")),
        ("crit-text", forge.head().with_text("crit", "exp")),
        ("b64-false", forge.head().with("b64", "false").with("crit", "[\"b64\"]")),
        ("b64-not-critical", forge.head().with("b64", "false")),
        ("zip", forge.head().with_text("zip", "DEF")),
        ("enc", forge.head().with_text("enc", "A256GCM")),
        ("cty-nested", forge.head().with_text("cty", "JWT")),
        ("member-unknown", forge.head().with("admin", "true")),
        ("claims-in-head", forge.head().with_text("iss", "https://evil.example")),
    ]
    .map(|(name, head)| (format!("head-{name}"), head))
    .to_vec()
}

/// Signed by a key that the token brings along, or that was ours once.
fn strangers(forge: &Forge) -> Vec<Piece> {
    let public = forge.stranger.public_key().as_ref();
    [
        ("jwk-embedded", forge.head().with("jwk", jwk(public))),
        (
            "jwk-embedded-no-kid",
            forge.head().without("kid").with("jwk", jwk(public)),
        ),
        ("key-revoked", forge.head().with_text("kid", "T9rT2m6cSx0Zb1Qk")),
    ]
    .map(|(name, head)| {
        let message = format!("{}.{}", b64(head.text()), b64(forge.body().text()));
        let token = format!("{message}.{}", b64(forge.foreign_signature(&message)));
        piece(name, token)
    })
    .to_vec()
}

/// No JSON object, or not only one.
fn broken(forge: &Forge) -> Vec<Piece> {
    let good = forge.head();
    let (text, values) = (good.text(), good.values().join(","));
    let body = forge.body().text();
    let deep = format!(r#"{}"x":{}1{}}}"#, &text[..1], "[".repeat(1_200), "]".repeat(1_200));
    [
        ("empty", Vec::new()),
        ("empty-object", b"{}".to_vec()),
        ("null", b"null".to_vec()),
        ("text", b"\"EdDSA\"".to_vec()),
        ("list", format!("[{values}]").into_bytes()),
        ("list-of-one", format!("[{text}]").into_bytes()),
        ("two", text.repeat(2).into_bytes()),
        ("comma-behind", text.replace('}', ",}").into_bytes()),
        ("not-closed", text.trim_end_matches('}').into()),
        ("single-quotes", text.replace('"', "'").into_bytes()),
        ("comment", text.replace('{', "{/**/").into_bytes()),
        ("byte-order-mark", format!("\u{feff}{text}").into_bytes()),
        ("utf16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("nul-behind", format!("{text}\0").into_bytes()),
        ("bad-utf8", [b"{\"\xff\":1,", &text.as_bytes()[1..]].concat()),
        ("bad-escape", text.replace("at+jwt", "at+jwt\\ud800").into_bytes()),
        ("deep", deep.into_bytes()),
        ("deep-10000", "[".repeat(10_000).into_bytes()),
    ]
    .map(|(name, head)| piece(format!("head-broken-{name}"), forge.seal(head, &body)))
    .to_vec()
}

fn jwk(public: &[u8]) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#, b64(public))
}
