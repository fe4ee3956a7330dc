//! Signatures that are missing, made for something else, or another spelling of the right one.

use super::Forge;
use crate::{Piece, b64, piece};

/// The order of the group of Ed25519 (RFC 8032, 5.1), little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

pub(super) fn all(forge: &Forge) -> Vec<Piece> {
    let message = forge.message();
    let right = forge.signature(&message);
    let (r, s) = right.split_at(32);
    let mut identity = [0; 32];
    identity[0] = 1;
    let flipped = |at: usize, bit: u8| {
        let mut bytes = right.clone();
        bytes[at] ^= bit;
        bytes
    };
    let head = message.split('.').next().unwrap_or_default();
    let other_body = b64(forge.body().with_text("jti", "2").text());

    let mut all: Vec<Piece> = [
        ("empty", Vec::new()),
        ("short", right[..60].to_vec()),
        ("long", [&right, [0].as_slice()].concat()),
        ("half", r.to_vec()),
        ("twice", [&right[..], &right].concat()),
        ("zeros", vec![0; 64]),
        ("ones", vec![0xff; 64]),
        ("swapped", [s, r].concat()),
        ("reversed", right.iter().rev().copied().collect()),
        // The same point and S + L: equal to verifiers that do not look whether S is reduced.
        ("s-plus-order", [r, &plus_order(s)].concat()),
        ("s-plus-order-twice", [r, &plus_order(&plus_order(s))].concat()),
        ("s-zero", [r, &[0; 32]].concat()),
        ("r-identity", [&identity, s].concat()),
        ("identity", [identity, [0; 32]].concat()),
        ("first-bit", flipped(0, 1)),
        ("sign-bit", flipped(31, 0x80)),
        ("last-bit", flipped(63, 0x80)),
        ("of-another", forge.signature(&format!("{head}.{other_body}"))),
        (
            "of-the-body",
            forge.signature(message.split('.').nth(1).unwrap_or_default()),
        ),
        ("of-nothing", forge.signature("")),
        ("of-a-stranger", forge.foreign_signature(&message)),
        ("in-der", [b"\x03\x41\x00".as_slice(), &right].concat()),
        (
            "in-hexadecimal",
            right
                .iter()
                .flat_map(|byte| format!("{byte:02x}").into_bytes())
                .collect(),
        ),
    ]
    .map(|(name, tag)| piece(format!("signature-{name}"), format!("{message}.{}", b64(tag))))
    .to_vec();
    all.push(piece("signature-stripped", message.clone()));
    let right = b64(right);
    all.push(piece(
        "signature-under-another-body",
        format!("{head}.{other_body}.{right}"),
    ));
    all.push(piece("signature-letters", format!("{message}.signature")));
    all
}

fn plus_order(s: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    s.iter()
        .zip(ORDER)
        .map(|(a, b)| {
            let sum = u16::from(*a) + u16::from(b) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect()
}
