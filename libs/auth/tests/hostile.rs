//! Hostile credentials: the corpus that is committed, and what chance makes of good ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test says by panicking what is wrong, and so do the fuzzer's functions"
)]

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use auth::passport::Key;
use auth::token::Verifier;
use forge::{Forge, HOUR, ISSUER, Piece};
use proptest::prelude::*;

/// Larger pieces are made anew each time rather than kept.
const LARGEST_KEPT: usize = 16 * 1024;

fn verifier(forge: &Forge) -> Verifier {
    auth::token::install_provider();
    Verifier::new(ISSUER, &forge.jwks())
}

fn corpus(target: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target)
}

fn kept(target: &str) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(corpus(target)).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            (
                file.file_name().unwrap().to_str().unwrap().to_owned(),
                fs::read(&file).unwrap(),
            )
        })
        .collect()
}

/// What the corpora begin with. The fuzzer may have added to it.
fn seeds() -> [(&'static str, Vec<Piece>); 3] {
    let forge = Forge::fixed();
    let mut tokens = forge.hostile();
    let whole = [
        ("good", forge.good()),
        ("good-claims", forge.body().text()),
        ("good-head", forge.head().text()),
    ];
    tokens.extend(whole.map(|(name, text)| Piece {
        name: name.to_owned(),
        bytes: text.into_bytes(),
    }));
    tokens.retain(|piece| piece.bytes.len() <= LARGEST_KEPT);
    [
        ("token", tokens),
        ("passport", forge::passports(&targets::SECRET)),
        ("api_key", forge::api_keys()),
    ]
}

#[test]
fn t16_every_hostile_token_is_refused() {
    let forge = Forge::fixed();
    let verifier = verifier(&forge);
    let hostile = forge.hostile();
    assert!(hostile.len() >= 400, "{}", hostile.len());
    let accepted: Vec<&str> = hostile
        .iter()
        .filter(|piece| {
            let text = std::str::from_utf8(&piece.bytes);
            // What is no text never gets as far: a header's value is text.
            text.is_ok_and(|text| verifier.check_at(text, HOUR).is_ok())
        })
        .map(|piece| piece.name.as_str())
        .collect();
    assert_eq!(accepted, Vec::<&str>::new());
    // Or all of this would show nothing.
    verifier.check_at(&forge.good(), HOUR).unwrap();
    verifier.check_at(&forge.good(), HOUR + 300).unwrap();
    verifier.check_at(&forge.good(), HOUR + 305).unwrap_err();
    verifier.check_at(&forge.good(), HOUR - 6).unwrap_err();
    verifier.check(&forge.good()).unwrap_err();
}

/// After a change on purpose: `FORGE=1 cargo test -p auth --test hostile`, and commit what it wrote.
#[test]
fn the_committed_tokens_are_what_the_forge_makes() {
    for (target, seeds) in seeds() {
        let folder = corpus(target);
        if std::env::var_os("FORGE").is_some() {
            fs::create_dir_all(&folder).unwrap();
            for seed in &seeds {
                fs::write(folder.join(&seed.name), &seed.bytes).unwrap();
            }
        }
        let kept = kept(target);
        if target == "token" {
            for seed in &seeds {
                assert_eq!(kept.get(&seed.name), Some(&seed.bytes), "{}", seed.name);
            }
        }
        assert!(kept.len() >= seeds.len(), "{target}");
    }
}

#[test]
fn the_corpora_are_replayed_through_what_the_fuzzer_calls() {
    type Target = fn(&[u8]);
    let targets: [(&str, Target); 3] = [
        ("token", targets::token),
        ("passport", targets::passport),
        ("api_key", targets::api_key),
    ];
    for (name, target) in targets {
        for bytes in kept(name).values() {
            target(bytes);
        }
    }
    for piece in Forge::fixed().hostile() {
        targets::token(&piece.bytes);
    }
}

#[test]
fn t09_t19_of_passports_and_keys_only_the_good_are_good() {
    let key = Key::new(&targets::SECRET);
    for seed in forge::passports(&targets::SECRET) {
        let good = key.open(std::str::from_utf8(&seed.bytes).unwrap(), HOUR).is_ok();
        assert_eq!(good, seed.name.starts_with("good-"), "{}", seed.name);
    }
    for seed in forge::api_keys() {
        let good = auth::api_key::ApiKey::parse(std::str::from_utf8(&seed.bytes).unwrap()).is_some();
        assert_eq!(good, seed.name == "good", "{}", seed.name);
    }
}

/// Any change of up to four places: a bit turned, a byte replaced, taken away, put in or repeated.
fn spoilt(good: &[u8], changes: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for (at, how, byte) in changes {
        let at = at.index(bytes.len());
        match how % 5 {
            0 => bytes[at] ^= 1 << (byte % 8),
            1 => bytes[at] = *byte,
            2 => bytes.insert(at, *byte),
            3 => bytes.insert(at, bytes[at]),
            _ => {
                bytes.remove(at);
            }
        }
    }
    bytes
}

fn changes() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    prop::collection::vec(any::<(prop::sample::Index, u8, u8)>(), 1..=4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn t16_a_token_that_was_changed_anywhere_is_refused(changes in changes()) {
        let forge = Forge::fixed();
        let (verifier, good) = (verifier(&forge), forge.good());
        let bytes = spoilt(good.as_bytes(), &changes);
        prop_assume!(bytes != good.as_bytes());
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(verifier.check_at(text, HOUR).is_err(), "{}", text);
        }
    }

    #[test]
    fn t16_a_payload_that_was_changed_and_signed_anew_keeps_every_rule(changes in changes()) {
        targets::token(&spoilt(Forge::fixed().body().text().as_bytes(), &changes));
        targets::token(&spoilt(Forge::fixed().head().text().as_bytes(), &changes));
    }

    #[test]
    fn t09_a_passport_that_was_changed_anywhere_is_refused(changes in changes(), which in any::<prop::sample::Index>()) {
        let all = forge::passports(&targets::SECRET);
        let good: Vec<_> = all.iter().filter(|piece| piece.name.starts_with("good-")).collect();
        let good = &which.get(&good).bytes;
        let bytes = spoilt(good, &changes);
        prop_assume!(bytes != *good);
        if let Ok(text) = std::str::from_utf8(&bytes) {
            prop_assert!(Key::new(&targets::SECRET).open(text, HOUR).is_err(), "{}", text);
        }
        targets::passport(&bytes);
    }

    #[test]
    fn t19_what_is_near_a_key_is_no_key_and_stops_nothing(changes in changes()) {
        let good = forge::api_keys().swap_remove(0).bytes;
        let bytes = spoilt(&good, &changes);
        targets::api_key(&bytes);
        targets::api_key(&bytes[4..]);
    }
}

#[test]
fn t16_every_single_bit_of_a_token_counts() {
    let forge = Forge::fixed();
    let (verifier, good) = (verifier(&forge), forge.good().into_bytes());
    for at in 0..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[at] ^= 1 << bit;
            if let Ok(text) = std::str::from_utf8(&bytes) {
                assert!(verifier.check_at(text, HOUR).is_err(), "bit {bit} of byte {at}");
            }
        }
    }
}
