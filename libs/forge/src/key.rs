use auth::api_key::PREFIX;

use crate::{Piece, piece};

/// `ysk_` and these bytes, with the checksum that makes noise look like a key.
pub fn api_key(middle: &[u8]) -> Vec<u8> {
    let body = [PREFIX.as_bytes(), middle].concat();
    let sum = format!("{:08x}", crc32fast::hash(&body));
    [body, sum.into_bytes()].concat()
}

/// One key that is well formed, and what only looks like one.
pub fn api_keys() -> Vec<Piece> {
    let (id, secret) = ("0192f0c12d3e7a4c8d32e5b97f808246", "5a".repeat(32));
    let good = api_key(format!("{id}_{secret}").as_bytes());
    let text = String::from_utf8(good.clone()).expect("letters and digits");
    let made = |middle: String| api_key(middle.as_bytes());
    let mut all = vec![
        piece("good", good),
        piece("empty", ""),
        piece("prefix-alone", PREFIX),
        piece("prefix-upper", text.replace(PREFIX, "YSK_")),
        piece("prefix-missing", text.trim_start_matches(PREFIX)),
        piece("checksum-wrong", format!("{}00000000", &text[..text.len() - 8])),
        piece("checksum-missing", &text.as_bytes()[..text.len() - 8]),
        piece("checksum-signed", format!("{}+0000001", &text[..text.len() - 8])),
        piece("twice", format!("{text}{text}")),
        piece("two-lines", format!("{text}\r\nx-injected: 1")),
        piece("nul-behind", format!("{text}\0")),
    ];
    let sealed = [
        ("id-short", format!("{}_{secret}", &id[1..])),
        ("id-long", format!("{id}0_{secret}")),
        ("id-upper", format!("{}_{secret}", id.to_ascii_uppercase())),
        ("id-hyphens", format!("0192f0c1-2d3e-7a4c-8d32-e5b97f80_{secret}")),
        ("id-path", format!("{:0<32}_{secret}", "../../../../etc/passwd")),
        ("id-sql", format!("{:0<32}_{secret}", "' or 1=1 --")),
        ("id-missing", format!("_{secret}")),
        ("secret-short", format!("{id}_{}", &secret[1..])),
        ("secret-missing", format!("{id}_")),
        ("secret-upper", format!("{id}_{}", "5A".repeat(32))),
        ("secret-not-hex", format!("{id}_{}", "5g".repeat(32))),
        // As many bytes as it should have, cut within a character by whoever cuts bytes.
        ("secret-wide", format!("{id}_{}", "é".repeat(32))),
        ("secret-cut-wide", format!("{id}_{}é", "5".repeat(63))),
        ("underscore-more", format!("{id}__{}", &secret[1..])),
        ("huge", format!("{id}_{}", "5a".repeat(4096))),
    ];
    all.extend(sealed.map(|(name, middle)| piece(name, made(middle))));
    all
}
