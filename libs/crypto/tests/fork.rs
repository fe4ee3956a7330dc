//! T21: a process forks while it holds keys, and the copies go on sealing with what they have in common.
//!
//! A copy has all that its original had: the data keys, how much of them is left, and what the generator of random numbers knew. It is
//! the same with a machine that is started twice from one snapshot. So nothing may be told apart by count, and all
//! depends on what the operating system gives anew to each.
//!
//! No test harness: it runs threads, and of a process with threads only the one that forked is copied, whatever the others held.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, which no harness tells the compiler of"
)]

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use clock::Clock;
use crypto::{
    Asked, Destroyed, Kek, KekProvider, KeyStore, Keyring, Place, Providers, Purpose, Rules, StoreError,
    WrappedDataKey, WrappedKeys, random,
};
use ids::TenantId;

const COPIES: usize = 8;
const MESSAGES: usize = 3_000;
/// Of a data key, before another follows.
const LIMIT: u64 = 1_000;
const NAME: &str = "t21_processes_that_forked_repeat_no_nonce";

/// Kept in memory, so each copy has its own from then on.
#[derive(Default)]
struct Memory(Mutex<Option<WrappedKeys>>);

impl Memory {
    fn change<T>(&self, change: impl FnOnce(&mut WrappedKeys) -> T) -> T {
        change(self.0.lock().unwrap().as_mut().unwrap())
    }
}

impl KeyStore for Memory {
    async fn load(&self, _: TenantId) -> Result<Option<WrappedKeys>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn make(&self, keys: &WrappedKeys) -> Result<(), StoreError> {
        self.0.lock().unwrap().get_or_insert_with(|| keys.clone());
        Ok(())
    }

    async fn add(&self, _: TenantId, _: u32, keys: &[WrappedDataKey]) -> Result<(), StoreError> {
        self.change(|kept| kept.data.extend_from_slice(keys));
        Ok(())
    }

    async fn reserve(&self, _: TenantId, keys: &[Asked], limit: u64) -> Result<Vec<(Purpose, u32)>, StoreError> {
        Ok(self.change(|kept| {
            let mut given = Vec::new();
            for asked in keys {
                let named = |one: &&mut WrappedDataKey| (one.purpose, one.epoch) == (asked.purpose, asked.epoch);
                let key = kept.data.iter_mut().find(named).unwrap();
                if key.messages + asked.messages <= limit {
                    key.messages += asked.messages;
                    given.push((asked.purpose, asked.epoch));
                }
            }
            given
        }))
    }
}

struct Process {
    runtime: tokio::runtime::Runtime,
    ring: Keyring,
    store: Memory,
    tenant: TenantId,
}

/// The parts of a value that its seal stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Seal {
    epoch: u32,
    nonce: [u8; 12],
}

impl Process {
    fn begin() -> Self {
        let provider: Arc<dyn KekProvider> = Arc::new(Kek::new(random()));
        let rules = Rules {
            messages: LIMIT,
            ..Rules::default()
        };
        let providers = Providers::of(provider);
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .build()
                .unwrap(),
            ring: Keyring::with_rules(providers, None, Destroyed::unlisted(), Clock::system(), rules),
            store: Memory::default(),
            tenant: TenantId::mint(),
        }
    }

    fn seal(&self, messages: usize) -> Vec<Seal> {
        let place = Place {
            tenant: self.tenant,
            table: "consoles",
            column: "content",
            row: "r1",
        };
        let mut seals = Vec::new();
        while seals.len() < messages {
            let keys = self.ring.keys(&self.store, self.tenant);
            let keys = self.runtime.block_on(keys).unwrap();
            for _ in 0..10 {
                let sealed = keys.seal(Purpose::Console, &place, b"").unwrap();
                seals.push(Seal {
                    epoch: u32::from_be_bytes(sealed[3..7].try_into().unwrap()),
                    nonce: sealed[39..51].try_into().unwrap(),
                });
            }
        }
        seals
    }
}

fn written(seals: &[Seal]) -> Vec<u8> {
    let bytes = seals
        .iter()
        .map(|seal| [&seal.epoch.to_be_bytes()[..], &seal.nonce].concat());
    bytes.collect::<Vec<_>>().concat()
}

fn read(file: &Path) -> Vec<Seal> {
    let bytes = fs::read(file).unwrap();
    let seal = |bytes: &[u8]| Seal {
        epoch: u32::from_be_bytes(bytes[..4].try_into().unwrap()),
        nonce: bytes[4..].try_into().unwrap(),
    };
    bytes.chunks_exact(16).map(seal).collect()
}

/// Each key seals so much at most in one process. Which keys those were.
fn keeps_to_the_limit(seals: &[Seal]) -> BTreeSet<u32> {
    let mut by_epoch = BTreeMap::<u32, u64>::new();
    for seal in seals {
        *by_epoch.entry(seal.epoch).or_default() += 1;
    }
    assert!(by_epoch.values().all(|messages| *messages <= LIMIT), "{by_epoch:?}");
    by_epoch.into_keys().collect()
}

fn main() {
    let (folder, process) = (tempfile::tempdir().unwrap(), Process::begin());
    // The keys are loaded, and the generator has given some of what it has.
    let before = process.seal(100);
    let threads = fs::read_dir("/proc/self/task").unwrap().count();
    assert_eq!(threads, 1, "only a process of one thread may be copied");

    let file = |copy: usize| folder.path().join(copy.to_string());
    let mut copies = Vec::new();
    for copy in 0..COPIES {
        match fork::fork().unwrap() {
            fork::Fork::Parent(copy) => copies.push(copy),
            fork::Fork::Child => {
                fs::write(file(copy), written(&process.seal(MESSAGES))).unwrap();
                // Nothing of the original's is dropped: the folder is not the copy's.
                std::process::exit(0);
            }
        }
    }
    let mut all = vec![[before, process.seal(MESSAGES)].concat()];
    for copy in copies {
        assert_eq!(fork::waitpid(copy).unwrap(), 0, "a copy failed");
    }
    all.extend((0..COPIES).map(|copy| read(&file(copy))));

    let mut seen = HashSet::new();
    for seals in &all {
        assert!(seals.len() >= MESSAGES);
        assert!(seals.iter().all(|seal| seen.insert(seal.nonce)), "a nonce came twice");
        assert!(keeps_to_the_limit(seals).len() >= 3, "one key followed another");
        let in_common = seals.iter().any(|seal| seal.epoch == 1);
        assert!(in_common, "every one sealed with the key they had together");
    }
    assert!(seen.len() >= (COPIES + 1) * MESSAGES);
    println!("\nrunning 1 test\ntest {NAME} ... ok\n");
    println!("test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out");
}
