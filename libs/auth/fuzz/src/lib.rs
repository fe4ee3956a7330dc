//! Reads anything as a credential. What is accepted must be what our own keys made, and nothing may panic.
//!
//! The fuzzer calls these functions with what it invents, and the tests of `libs/auth` with the committed corpus.

use std::sync::OnceLock;

use auth::passport::Key;
use auth::token::{AUDIENCE, LIFETIME_SECONDS, Signer, Verifier};
use forge::{Forge, HOUR, ISSUER};

/// What passports of the corpus are signed with.
pub const SECRET: [u8; 32] = [0x42; 32];

struct Bench {
    forge: Forge,
    signer: Signer,
    verifier: Verifier,
}

fn bench() -> &'static Bench {
    static BENCH: OnceLock<Bench> = OnceLock::new();
    BENCH.get_or_init(|| {
        auth::token::install_provider();
        let forge = Forge::fixed();
        Bench {
            signer: forge.signer(),
            verifier: Verifier::new(ISSUER, &forge.jwks()),
            forge,
        }
    })
}

/// As a token; as the payload of a token, and as the header of one, signed with the real key: what lies behind the
/// signature is read then.
pub fn token(data: &[u8]) {
    let Bench {
        forge,
        signer,
        verifier,
    } = bench();
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(claims) = verifier.check_at(text, HOUR)
    {
        let ours = signer.sign(&claims).expect("signs");
        assert_eq!(ours, text, "accepted, and not what we write");
    }
    for text in [
        forge.seal(forge.head().text(), data),
        forge.seal(data, forge.body().text()),
    ] {
        let Ok(claims) = verifier.check_at(&text, HOUR) else {
            continue;
        };
        assert_eq!((claims.iss.as_str(), claims.aud.as_str()), (ISSUER, AUDIENCE));
        assert!(claims.iat <= claims.nbf && claims.nbf < claims.exp, "{claims:?}");
        assert!(claims.exp - claims.iat <= LIFETIME_SECONDS, "{claims:?}");
        assert!(claims.nbf <= HOUR + 5 && HOUR < claims.exp + 5, "{claims:?}");
    }
}

/// As a passport, and as the body of one that is signed.
pub fn passport(data: &[u8]) {
    let key = Key::new(&SECRET);
    let sealed = forge::passport(&SECRET, data);
    let raw = std::str::from_utf8(data).ok();
    for text in raw.into_iter().chain([sealed.as_str()]) {
        if let Ok(passport) = key.open(text, HOUR) {
            assert!(passport.expires >= HOUR, "{passport:?}");
            assert_eq!(key.open(&key.seal(&passport), HOUR), Ok(passport));
        }
    }
}

/// As an API key, and as what stands between prefix and checksum of one.
pub fn api_key(data: &[u8]) {
    for text in [data.to_vec(), forge::api_key(data)] {
        let Ok(text) = std::str::from_utf8(&text) else {
            continue;
        };
        if let Some(key) = auth::api_key::ApiKey::parse(text) {
            assert!(text.starts_with("ysk_") && text.len() == 4 + 32 + 1 + 64 + 8, "{text}");
            assert!(
                text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'),
                "{text}"
            );
            assert!(key.is(key.hash()));
            assert!(!format!("{key:?}").contains(&text[37..]), "the secret is printed");
        }
    }
}
