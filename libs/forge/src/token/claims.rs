//! Claims that are missing, of another kind, for somebody else or of another time. All signed with the real key.

use super::Forge;
use crate::{Object, Piece, piece};

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    let named = [kinds(forge), issuers_and_audiences(forge), times(forge), extra(forge)].concat();
    let mut all: Vec<Piece> = named
        .into_iter()
        .map(|(name, body)| piece(name, forge.seal(forge.head().text(), body.text())))
        .collect();
    all.extend(broken(forge));
    all
}

/// Each claim missing, null and of another kind.
fn kinds(forge: &Forge) -> Vec<(String, Object)> {
    let body = forge.body();
    let mut all = Vec::new();
    for name in ["iss", "aud", "sub", "tenant", "sid", "jti", "iat", "nbf", "exp"] {
        let value = body.value(name);
        let other = if value.starts_with('"') {
            "1".to_owned()
        } else {
            format!("\"{value}\"")
        };
        all.extend([
            (format!("{name}-missing"), body.without(name)),
            (format!("{name}-null"), body.with(name, "null")),
            (format!("{name}-other-kind"), body.with(name, other)),
            (format!("{name}-list"), body.with(name, format!("[{value}]"))),
            (
                format!("{name}-object"),
                body.with(name, format!("{{\"{name}\":{value}}}")),
            ),
            (format!("{name}-true"), body.with(name, "true")),
            (format!("{name}-twice"), body.with_another(name, value, false)),
            (format!("{name}-upper-case"), {
                body.without(name).with(&name.to_ascii_uppercase(), value)
            }),
        ]);
    }
    for name in ["sub", "tenant", "sid"] {
        all.extend([
            (format!("{name}-empty"), body.with_text(name, "")),
            (format!("{name}-path"), body.with_text(name, "../../internal/sessions")),
            (format!("{name}-sql"), body.with_text(name, "' or 1=1 --")),
            (format!("{name}-any"), body.with_text(name, "*")),
            (
                format!("{name}-cut"),
                body.with_text(name, "0192f0c1-2d3e-7a4c-8d32-0000000000"),
            ),
            (
                format!("{name}-nul"),
                body.with_text(name, "0192f0c1-2d3e-7a4c-8d32-000000000001\\u0000"),
            ),
        ]);
    }
    all
}

fn issuers_and_audiences(forge: &Forge) -> Vec<(String, Object)> {
    let body = forge.body();
    let (iss, aud) = (body.value("iss").trim_matches('"'), body.value("aud").trim_matches('"'));
    [
        ("iss-wrong", body.with_text("iss", "https://evil.example")),
        ("iss-empty", body.with_text("iss", "")),
        ("iss-slash", body.with_text("iss", &format!("{iss}/"))),
        ("iss-suffix", body.with_text("iss", &format!("{iss}.evil.example"))),
        ("iss-userinfo", body.with_text("iss", &format!("{iss}@evil.example"))),
        ("iss-upper", body.with_text("iss", &iss.to_ascii_uppercase())),
        ("iss-plain-http", body.with_text("iss", &iss.replace("https", "http"))),
        ("iss-space", body.with_text("iss", &format!(" {iss}"))),
        (
            "iss-list-both",
            body.with("iss", format!("[\"https://evil.example\",\"{iss}\"]")),
        ),
        ("aud-wrong", body.with_text("aud", "elsewhere")),
        ("aud-empty", body.with_text("aud", "")),
        ("aud-upper", body.with_text("aud", &aud.to_ascii_uppercase())),
        ("aud-suffix", body.with_text("aud", &format!("{aud}.evil.example"))),
        ("aud-list-both", body.with("aud", format!("[\"elsewhere\",\"{aud}\"]"))),
        ("aud-list-empty", body.with("aud", "[]")),
        ("aud-joined", body.with_text("aud", &format!("{aud} elsewhere"))),
    ]
    .map(|(name, body)| (name.to_owned(), body))
    .to_vec()
}

fn times(forge: &Forge) -> Vec<(String, Object)> {
    let body = forge.body();
    let mut all = Vec::new();
    for name in ["iat", "nbf", "exp"] {
        let value = body.value(name);
        for (how, raw) in [
            ("float", format!("{value}.5")),
            ("float-whole", format!("{value}.0")),
            ("exponent", "1e10".to_owned()),
            ("exponent-huge", "1e400".to_owned()),
            ("negative", "-1".to_owned()),
            ("negative-zero", "-0".to_owned()),
            ("zero", "0".to_owned()),
            ("least", i64::MIN.to_string()),
            ("most", i64::MAX.to_string()),
            ("most-unsigned", u64::MAX.to_string()),
            ("beyond", "9".repeat(40)),
            ("milliseconds", format!("{value}000")),
            ("octal", format!("0{value}")),
            ("plus", format!("+{value}")),
            ("hexadecimal", "0x7fffffff".to_owned()),
            ("not-a-number", "NaN".to_owned()),
            ("infinite", "Infinity".to_owned()),
            ("date", "\"2999-01-01T00:00:00Z\"".to_owned()),
        ] {
            all.push((format!("{name}-{how}"), body.with(name, raw)));
        }
    }
    let shifted = |by: i64| {
        let claims = &forge.claims;
        body.with("iat", (claims.iat + by).to_string())
            .with("nbf", (claims.nbf + by).to_string())
            .with("exp", (claims.exp + by).to_string())
    };
    let (iat, exp) = (forge.claims.iat, forge.claims.exp);
    let more = [
        ("all-past", shifted(-3_600)),
        ("all-just-past", shifted(-(exp - iat) - 10)),
        ("all-future", shifted(60)),
        ("all-far-future", shifted(1_000_000_000)),
        ("nbf-future", body.with("nbf", (iat + 60).to_string())),
        ("nbf-before-iat", body.with("nbf", (iat - 1).to_string())),
        ("iat-future", body.with("iat", (iat + 60).to_string())),
        (
            "iat-at-end",
            body.with("iat", exp.to_string()).with("nbf", exp.to_string()),
        ),
        ("exp-at-once", body.with("exp", iat.to_string())),
        ("exp-before-iat", body.with("exp", (iat - 1).to_string())),
        ("exp-a-second-more", body.with("exp", (exp + 1).to_string())),
        ("exp-an-hour-more", body.with("exp", (exp + 3_600).to_string())),
        ("exp-years-more", body.with("exp", (exp + 1_000_000_000).to_string())),
    ];
    all.extend(more.map(|(name, body)| (name.to_owned(), body)));
    all
}

/// What nobody asked for: it could mean something to whoever reads it later.
fn extra(forge: &Forge) -> Vec<(String, Object)> {
    let body = forge.body();
    [
        ("claim-roles", body.with("roles", "[\"platform_operator\"]")),
        ("claim-admin", body.with("admin", "true")),
        ("claim-permissions", body.with("permissions", "[\"*\"]")),
        ("claim-empty-name", body.with("", "1")),
        ("claim-proto", body.with("__proto__", "{\"admin\":true}")),
        (
            "claim-escaped-exp",
            body.with_another("\\u0065xp", &i64::MAX.to_string(), false),
        ),
        ("claim-nul-name", body.with("exp\\u0000", "1")),
        ("tenant-twice-first", {
            body.with_another("tenant", "\"00000000-0000-7000-8000-000000000001\"", true)
        }),
        ("tenant-twice-last", {
            body.with_another("tenant", "\"00000000-0000-7000-8000-000000000001\"", false)
        }),
        ("exp-twice-first", body.with_another("exp", &i64::MAX.to_string(), true)),
        ("exp-twice-last", body.with_another("exp", &i64::MAX.to_string(), false)),
    ]
    .map(|(name, body)| (name.to_owned(), body))
    .to_vec()
}

/// No JSON object, or not only one.
fn broken(forge: &Forge) -> Vec<Piece> {
    let good = forge.body();
    let (text, values) = (good.text(), good.values().join(","));
    let nested = |depth: usize| {
        good.with("x", format!("{}1{}", "[".repeat(depth), "]".repeat(depth)))
            .text()
    };
    let objects = |depth: usize| {
        good.with("x", format!("{}1{}", "{\"x\":".repeat(depth), "}".repeat(depth)))
            .text()
    };
    [
        ("empty", Vec::new()),
        ("empty-object", b"{}".to_vec()),
        ("null", b"null".to_vec()),
        ("number", b"1".to_vec()),
        ("list", format!("[{values}]").into_bytes()),
        ("list-of-one", format!("[{text}]").into_bytes()),
        ("two", text.repeat(2).into_bytes()),
        ("comma-behind", text.replace('}', ",}").into_bytes()),
        ("not-closed", text[..text.len() - 4].into()),
        ("single-quotes", text.replace('"', "'").into_bytes()),
        ("comment", text.replace('{', "{/**/").into_bytes()),
        ("byte-order-mark", format!("\u{feff}{text}").into_bytes()),
        ("utf16", text.encode_utf16().flat_map(u16::to_le_bytes).collect()),
        ("nul-behind", format!("{text}\0").into_bytes()),
        ("bad-utf8", [b"{\"\xff\":1,", &text.as_bytes()[1..]].concat()),
        ("bad-surrogate", good.with_text("jti", "\\ud800").text().into_bytes()),
        ("raw-control", good.with_text("jti", "a\nb").text().into_bytes()),
        ("deep-500", nested(500).into_bytes()),
        ("deep-10000", nested(10_000).into_bytes()),
        ("deep-objects-300", objects(300).into_bytes()),
        ("deep-objects-10000", objects(10_000).into_bytes()),
        ("url-encoded", text.replace('"', "%22").into_bytes()),
    ]
    .map(|(name, body)| piece(format!("body-broken-{name}"), forge.seal(forge.head().text(), body)))
    .to_vec()
}
