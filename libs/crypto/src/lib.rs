//! Envelope encryption for secrets at rest.
//!
//! # The keys
//! A provider of key-encryption keys ([`KekProvider`]) wraps a key per tenant, that one wraps data keys, one per purpose and
//! epoch, and these seal values ([`TenantKeys`]). Whose tenant key is destroyed, their data is gone, backups included.
//! [`Keyring`] holds unwrapped keys for a while. The platform's own [`Kek`] seals what belongs to no tenant.
//!
//! # What it guarantees
//! Values are encrypted by AES-256-GCM with a random 96-bit nonce. The place of the value (tenant, table, column, row) is authenticated: a ciphertext
//! copied to another row, column or tenant does not open. GCM does not commit to its key, so a 32-byte commitment
//! (HKDF-SHA-256, RFC 5869, from data key and nonce) is stored and compared in constant time.
//!
//! # What sealed values are found by
//! A column of a few bits beside the ciphertext: a [`BlindIndex`], by a key of the tenant's own that no rotation changes. Where the tenant is not
//! known yet, or the database must see that two are equal: a [`Mark`] by the platform's [`LookupKey`].
//!
//! # Format, version 2
//! `2 | algorithm | purpose | epoch (4) | commitment (32) | nonce (12) | ciphertext and tag`, sealed by a tenant's keys.
//!
//! # Format, version 1
//! A data key per value, wrapped by the platform's key-encryption key:
//! `1 | algorithm | kek id (8) | wrapped data key (12 + 32 + 16) | commitment (32) | nonce (12) | ciphertext and tag`.
//! Algorithm 1 is AES-256-GCM; the byte leaves room for others.
//!
//! # What it refuses
//! Opening anything that was changed, moved, cut short or sealed under another key-encryption key: one error for all,
//! so that nothing is learned from the difference.
//!
//! # Who keeps the key-encryption key
//! A provider ([`KekProvider`]): the sealed file, a token behind PKCS#11 ([`Pkcs11`]), or the transit engine of Vault or `OpenBao`
//! ([`Transit`]). They pass one suite of tests, and the README tells how one is set up and changed. Or the tenant itself, who may
//! take it away ([`External`]).

mod blind_index;
mod destroyed;
mod envelope;
mod external;
mod kek;
mod key_error;
mod key_file;
mod key_store;
mod keyring;
mod lookup_key;
mod provider;
mod providers;
mod purpose;
mod sealed_text;
mod tenant_keys;
mod wrapping;

pub use blind_index::{BlindIndex, Normal};
pub use destroyed::Destroyed;
pub use envelope::Place;
pub use external::{EXTERNAL, External, ExternalKey, ExternalSettings, NewExternalKey};
pub use kek::Kek;
pub use key_error::KeyError;
pub use key_file::{OpenError, read_key, read_or_make_key};
pub use key_store::{Asked, KeyStore, StoreError, WrappedDataKey, WrappedKeys, WrappedTenantKey};
pub use keyring::{Keyring, Rules};
pub use lookup_key::{LookupKey, Mark};
pub use provider::{KekError, KekProvider, Pkcs11, Pkcs11Settings, ProviderSettings, Transit, TransitSettings, check};
pub use providers::Providers;
pub use purpose::Purpose;
pub use sealed_text::SealedText;
pub use tenant_keys::TenantKeys;

/// The ciphertext does not open here. Why is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the value cannot be decrypted")]
pub struct Unreadable;

/// Fills a fresh array from the operating system's generator.
///
/// # Panics
/// If the operating system gives no randomness: nothing on such a machine is safe, so nothing goes on.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    assert!(
        aws_lc_rs::rand::fill(&mut bytes).is_ok(),
        "the operating system gives no randomness"
    );
    bytes
}
