//! Credentials that must let nobody in, for the tests of whoever checks credentials.
//!
//! A [`Forge`] holds a signing key and the claims of one good token. [`Forge::hostile`] is what differs from that token
//! in one point each. Whatever the holder of the key could have made is signed with it, so that nothing but the point in
//! question can be what refuses it: a verifier that forgets one rule lets one of them through.
//!
//! [`Forge::fixed`] has a published key and a fixed hour, so the same bytes come out every time; they are committed in
//! `libs/auth/fuzz/corpus`, where the fuzzer starts from them.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on ends loudly, and so does its kit"
)]

mod key;
mod object;
mod passport;
mod token;

pub use key::{api_key, api_keys};
pub use object::Object;
pub use passport::{passport, passports};
pub use token::{Forge, HOUR, ISSUER};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A piece of a corpus: what it is, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Letters, digits and `-`: the name of its file.
    pub name: String,
    /// As it is sent.
    pub bytes: Vec<u8>,
}

fn piece(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Piece {
    Piece {
        name: name.into(),
        bytes: bytes.into(),
    }
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
