use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;

/// Bytes of all keys and values.
const MOST: u64 = 64 << 20;

#[derive(Clone)]
struct Kept {
    text: String,
    ttl: Duration,
    until: Instant,
}

struct ByItsOwn;

impl Expiry<String, Kept> for ByItsOwn {
    fn expire_after_create(&self, _: &String, kept: &Kept, _: Instant) -> Option<Duration> {
        Some(kept.ttl)
    }

    fn expire_after_update(&self, _: &String, kept: &Kept, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(kept.ttl)
    }
}

/// In this process.
#[derive(Clone)]
pub struct Process(Cache<String, Kept>);

impl Process {
    pub fn new() -> Self {
        let weight = |key: &String, kept: &Kept| u32::try_from(key.len() + kept.text.len()).unwrap_or(u32::MAX);
        let cache = Cache::builder().max_capacity(MOST).weigher(weight);
        Self(cache.expire_after(ByItsOwn).build())
    }

    pub async fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).await.and_then(fresh)
    }

    pub async fn put(&self, key: String, text: String, ttl: Duration) {
        let until = Instant::now() + ttl;
        self.0.insert(key, Kept { text, ttl, until }).await;
    }

    pub async fn take(&self, key: &str) -> Option<String> {
        self.0.remove(key).await.and_then(fresh)
    }
}

/// Whatever the cache thinks of it: its time is its time.
fn fresh(kept: Kept) -> Option<String> {
    (Instant::now() < kept.until).then_some(kept.text)
}
