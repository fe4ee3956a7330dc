//! Other spellings of the good token: each text has one meaning, and each meaning one text.

use super::Forge;
use crate::{Piece, b64, piece};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    [cut(forge), padded(forge), inserted(forge), joined(forge), large(forge)].concat()
}

fn parts(forge: &Forge) -> [String; 3] {
    let good = forge.good();
    let mut parts = good.split('.').map(str::to_owned);
    std::array::from_fn(|_| parts.next().expect("three parts"))
}

fn cut(forge: &Forge) -> Vec<Piece> {
    let good = forge.good();
    let [head, body, tag] = parts(forge);
    let mut all = Vec::new();
    for by in 1..=4 {
        let shorter = |text: &str| text[..text.len() - by].to_owned();
        all.extend([
            piece(format!("cut-head-{by}"), format!("{}.{body}.{tag}", shorter(&head))),
            piece(format!("cut-body-{by}"), format!("{head}.{}.{tag}", shorter(&body))),
            piece(format!("cut-tag-{by}"), shorter(&good)),
            piece(format!("cut-tag-front-{by}"), format!("{head}.{body}.{}", &tag[by..])),
            // Signed over what is left, so that only its form speaks against it.
            piece(
                format!("cut-body-{by}-signed"),
                forge.sign(&format!("{head}.{}", shorter(&body))),
            ),
        ]);
    }
    all.extend(
        [
            ("parts-none", String::new()),
            ("parts-dot", ".".to_owned()),
            ("parts-dots", "..".to_owned()),
            ("parts-head", head.clone()),
            ("parts-no-head", format!(".{body}.{tag}")),
            ("parts-no-body", format!("{head}..{tag}")),
            ("parts-dot-before", format!(".{good}")),
            ("parts-dot-behind", format!("{good}.")),
            ("parts-four", format!("{good}.{tag}")),
            ("parts-five", format!("{head}.{body}.{tag}.{body}.{tag}")),
            ("parts-swapped", format!("{body}.{head}.{tag}")),
            ("parts-colons", good.replace('.', ":")),
        ]
        .map(|(name, text)| piece(name, text)),
    );
    all
}

fn padded(forge: &Forge) -> Vec<Piece> {
    let [head, body, tag] = parts(forge);
    let mut all = vec![
        piece("padding-tag", format!("{head}.{body}.{tag}==")),
        piece("padding-body-signed", forge.sign(&format!("{head}.{body}="))),
        piece("padding-head-signed", forge.sign(&format!("{head}=.{body}"))),
    ];
    // Whatever the alignment, this holds six bits of ones.
    let wordy = b64(forge.body().with_text("jti", "??????~~~~~~").text());
    let ours = forge.sign(&format!("{head}.{wordy}"));
    let standard = |text: &str| text.replace('_', "/").replace('-', "+");
    let theirs = forge.sign(&format!("{head}.{}", standard(&wordy)));
    assert_ne!(ours, theirs, "there is nothing to spell otherwise");
    all.push(piece("alphabet-standard-signed", theirs));

    // Bits behind the last whole byte: 64 bytes leave four, a length of 3n + 1 bytes four as well.
    for bits in [1, 8, 15] {
        all.push(piece(
            format!("spare-bits-tag-{bits}"),
            format!("{head}.{body}.{}", bent(&tag, bits)),
        ));
        let aligned = |text: String| text.clone() + &" ".repeat((4 - text.len() % 3) % 3);
        let loose = bent(&b64(aligned(forge.body().text())), bits);
        all.push(piece(
            format!("spare-bits-body-{bits}-signed"),
            forge.sign(&format!("{head}.{loose}")),
        ));
        let loose = bent(&b64(aligned(forge.head().text())), bits);
        all.push(piece(
            format!("spare-bits-head-{bits}-signed"),
            forge.sign(&format!("{loose}.{body}")),
        ));
    }
    all
}

/// The same base64 with other bits behind its last byte.
fn bent(text: &str, bits: usize) -> String {
    let (rest, last) = text.split_at(text.len() - 1);
    let value = ALPHABET.iter().position(|known| last.as_bytes()[0] == *known);
    let value = value.expect("a letter of base64");
    assert_eq!(value % 16, 0, "four spare bits");
    format!("{rest}{}", char::from(ALPHABET[value + bits]))
}

fn inserted(forge: &Forge) -> Vec<Piece> {
    let [head, body, tag] = parts(forge);
    let mut all = Vec::new();
    for (name, what) in [
        ("space", " "),
        ("tab", "\t"),
        ("line", "\n"),
        ("return-line", "\r\n"),
        ("nul", "\0"),
        ("escape", "\x1b[0m"),
        ("percent", "%2E"),
        ("zero-width", "\u{200b}"),
        ("wide-letter", "\u{ff21}"),
        ("bad-utf8", "\u{0}"),
    ] {
        let within = |text: &str| format!("{}{what}{}", &text[..8], &text[8..]);
        let mut tokens = [
            format!("{}.{body}.{tag}", within(&head)).into_bytes(),
            format!("{head}.{}.{tag}", within(&body)).into_bytes(),
            format!("{head}.{body}.{}", within(&tag)).into_bytes(),
            forge.sign(&format!("{head}.{}", within(&body))).into_bytes(),
        ];
        if name == "bad-utf8" {
            let all_bytes = tokens.iter_mut().flatten();
            all_bytes.filter(|byte| **byte == 0).for_each(|byte| *byte = 0xff);
        }
        let places = ["head", "body", "tag", "body-signed"];
        all.extend(
            places
                .iter()
                .zip(tokens)
                .map(|(place, token)| piece(format!("within-{place}-{name}"), token)),
        );
    }
    all
}

fn joined(forge: &Forge) -> Vec<Piece> {
    let good = forge.good();
    [
        ("comma", format!("{good},{good}")),
        ("comma-space", format!("{good}, {good}")),
        ("space", format!("{good} {good}")),
        ("semicolon", format!("{good};{good}")),
        ("dot", format!("{good}.{good}")),
        ("nothing", format!("{good}{good}")),
        ("bearer", format!("{good}, Bearer {good}")),
        ("bearer-twice", format!("Bearer {good}")),
        ("quoted", format!("\"{good}\"")),
        ("parameter", format!("token={good}")),
    ]
    .map(|(name, text)| piece(format!("joined-{name}"), text))
    .to_vec()
}

fn large(forge: &Forge) -> Vec<Piece> {
    const MIB: usize = 1 << 20;
    let [head, body, tag] = parts(forge);
    let wide = forge.body().with_text("jti", &"j".repeat(MIB)).text();
    [
        ("body-mib", forge.seal(forge.head().text(), wide)),
        ("tag-mib", format!("{head}.{body}.{}", tag.repeat(MIB / tag.len()))),
        (
            "head-mib",
            forge.seal(
                forge.head().with_text("x", &"x".repeat(MIB)).text(),
                forge.body().text(),
            ),
        ),
        ("dots-mib", ".".repeat(MIB)),
        ("letters-mib", "A".repeat(MIB)),
        ("dots", ".".repeat(4_000)),
        ("letters", "A".repeat(4_096)),
        ("a-letter-more", "A".repeat(4_097)),
        // Signed, whole, and no longer than anybody's limit for headers.
        (
            "body-8-kib",
            forge.seal(
                forge.head().text(),
                forge.body().with_text("jti", &"j".repeat(5_000)).text(),
            ),
        ),
    ]
    .map(|(name, text)| piece(format!("large-{name}"), text))
    .to_vec()
}
