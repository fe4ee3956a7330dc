use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use ids::TenantId;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::envelope::{AES_256_GCM, commitment};
use crate::{Kek, KeyError, Place, Purpose, random};

const VERSION: u8 = 2;
const HEAD: usize = 1 + 1 + 1 + 4;

pub(crate) type Key = Zeroizing<[u8; 32]>;
pub(crate) type KeyName = (Purpose, u32);

/// A tenant's data keys, unwrapped. Clones share them; the last one to go wipes them.
///
/// It is meant for one piece of work: whoever keeps it longer does not hear that the keys were destroyed.
#[derive(Clone)]
pub struct TenantKeys(Arc<Inner>);

struct Inner {
    tenant: TenantId,
    keys: HashMap<KeyName, Key>,
    sealing: HashMap<Purpose, Arc<Sealing>>,
    platform: Option<Kek>,
    outlook: Outlook,
    /// A value was met whose key is newer than these.
    outdated: AtomicBool,
}

/// What is thought of a value that names a key newer than these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outlook {
    /// The key was made after we looked.
    MayBeOutdated,
    /// We have just looked because of one: there is no such key.
    JustLooked,
}

/// The key of a purpose that seals, and how many messages of it are ours.
#[derive(Debug)]
pub(crate) struct Sealing {
    pub epoch: u32,
    pub left: AtomicU64,
    /// How many were taken at once.
    pub block: u64,
}

impl Sealing {
    /// Are more to be taken?
    pub(crate) fn is_low(&self) -> bool {
        self.left.load(Ordering::Relaxed) < self.block.div_ceil(2)
    }
}

impl TenantKeys {
    pub(crate) fn new(
        tenant: TenantId,
        keys: HashMap<KeyName, Key>,
        sealing: HashMap<Purpose, Arc<Sealing>>,
        platform: Option<Kek>,
        outlook: Outlook,
    ) -> Self {
        Self(Arc::new(Inner {
            tenant,
            keys,
            sealing,
            platform,
            outlook,
            outdated: AtomicBool::new(false),
        }))
    }

    /// Keys that are kept nowhere: what they seal is gone with them. For tests of what seals.
    #[must_use]
    pub fn passing(tenant: TenantId) -> Self {
        let names = Purpose::ALL.map(|purpose| (purpose, 1));
        let seal = |(purpose, epoch): KeyName| {
            let (left, block) = (AtomicU64::new(u64::MAX), 1);
            (purpose, Arc::new(Sealing { epoch, left, block }))
        };
        let keys = names.map(|name| (name, Key::new(random()))).into();
        let seals = names.into_iter().filter(|(purpose, _)| !purpose.is_lasting());
        Self::new(tenant, keys, seals.map(seal).collect(), None, Outlook::JustLooked)
    }

    /// Whose they are.
    pub fn tenant(&self) -> TenantId {
        self.0.tenant
    }

    /// Encrypts a value for its place.
    pub fn seal(&self, purpose: Purpose, place: &Place<'_>, plain: &[u8]) -> Result<Vec<u8>, KeyError> {
        let (epoch, key) = self.take(purpose)?;
        let head = head(purpose, epoch);
        let aad = self.aad(head, place)?;
        let nonce = random::<12>();
        let sealed = Aes256Gcm::new(&(**key).into())
            .encrypt(&Nonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| KeyError::Unreadable)?;
        let mut out = head.to_vec();
        out.extend(commitment(key, &nonce).map_err(|_| KeyError::Unreadable)?);
        out.extend(nonce);
        out.extend(sealed);
        Ok(out)
    }

    /// Decrypts a value, if it was sealed for this place under a key of this tenant. Values of format 1 open under the
    /// platform's key, as long as that is there.
    pub fn open(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if place.tenant != self.0.tenant {
            return Err(KeyError::Unreadable);
        }
        if sealed.first() != Some(&VERSION) {
            let platform = self.0.platform.as_ref().ok_or(KeyError::Unreadable)?;
            return platform.open_sealed(place, sealed).map_err(|_| KeyError::Unreadable);
        }
        let (head, rest) = sealed.split_first_chunk::<HEAD>().ok_or(KeyError::Unreadable)?;
        let (promised, rest) = rest.split_first_chunk::<32>().ok_or(KeyError::Unreadable)?;
        let (nonce, body) = rest.split_first_chunk::<12>().ok_or(KeyError::Unreadable)?;
        let key = self.named(*head)?;
        let known = commitment(key, nonce).map_err(|_| KeyError::Unreadable)?;
        if !bool::from(promised.ct_eq(&known)) {
            return Err(KeyError::Unreadable);
        }
        let aad = self.aad(*head, place)?;
        Aes256Gcm::new(&(**key).into())
            .decrypt(&Nonce::from(*nonce), Payload { msg: body, aad: &aad })
            .map(Zeroizing::new)
            .map_err(|_| KeyError::Unreadable)
    }

    /// What sealed values of the tenant are found by.
    pub(crate) fn index(&self) -> Result<&Key, KeyError> {
        let missing = || KeyError::Unavailable("the key that marks values is not held yet".to_owned());
        self.0.keys.get(&(Purpose::Index, 1)).ok_or_else(missing)
    }

    /// The key that a ciphertext's head names. One newer than ours was made after we looked: whoever looks again has it.
    fn named(&self, head: [u8; HEAD]) -> Result<&Key, KeyError> {
        let [version, algorithm, purpose, epoch @ ..] = head;
        let purpose = Purpose::of(purpose).ok_or(KeyError::Unreadable)?;
        if (version, algorithm) != (VERSION, AES_256_GCM) {
            return Err(KeyError::Unreadable);
        }
        let epoch = u32::from_be_bytes(epoch);
        if let Some(key) = self.0.keys.get(&(purpose, epoch)) {
            return Ok(key);
        }
        let newest = self.0.sealing.get(&purpose).map_or(0, |sealing| sealing.epoch);
        if epoch > newest && self.0.outlook == Outlook::MayBeOutdated {
            self.0.outdated.store(true, Ordering::Relaxed);
            return Err(KeyError::Outdated);
        }
        Err(KeyError::Unreadable)
    }

    /// One message of the key that seals.
    fn take(&self, purpose: Purpose) -> Result<(u32, &Key), KeyError> {
        let sealing = self.0.sealing.get(&purpose).ok_or(KeyError::Exhausted)?;
        sealing
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .map_err(|_| KeyError::Exhausted)?;
        let key = self.0.keys.get(&(purpose, sealing.epoch)).ok_or(KeyError::Exhausted)?;
        Ok((sealing.epoch, key))
    }

    fn aad(&self, head: [u8; HEAD], place: &Place<'_>) -> Result<Vec<u8>, KeyError> {
        if place.tenant != self.0.tenant {
            return Err(KeyError::Unreadable);
        }
        Ok(place.authenticated(&head))
    }

    /// Should they be fetched anew before the next work?
    pub(crate) fn wanting(&self) -> bool {
        self.is_outdated() || self.0.sealing.values().any(|sealing| sealing.is_low())
    }

    pub(crate) fn is_outdated(&self) -> bool {
        self.0.outdated.load(Ordering::Relaxed)
    }

    pub(crate) fn sealing(&self, purpose: Purpose) -> Option<&Arc<Sealing>> {
        self.0.sealing.get(&purpose)
    }
}

fn head(purpose: Purpose, epoch: u32) -> [u8; HEAD] {
    let [a, b, c, d] = epoch.to_be_bytes();
    [VERSION, AES_256_GCM, purpose.number(), a, b, c, d]
}

impl std::fmt::Debug for TenantKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TenantKeys({}, ..)", self.0.tenant)
    }
}
