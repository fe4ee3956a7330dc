use std::time::Duration;

use crate::process::Process;
use crate::remote::Remote;

/// Where texts are kept.
#[derive(Clone)]
pub enum Place {
    Process(Process),
    Remote(Remote),
}

impl Place {
    pub async fn get(&self, key: &str) -> Option<String> {
        match self {
            Self::Process(process) => process.get(key).await,
            Self::Remote(remote) => remote.get(key).await,
        }
    }

    pub async fn put(&self, key: String, text: String, ttl: Duration) {
        match self {
            Self::Process(process) => process.put(key, text, ttl).await,
            Self::Remote(remote) => remote.put(&key, text, ttl).await,
        }
    }

    pub async fn take(&self, key: &str) -> Option<String> {
        match self {
            Self::Process(process) => process.take(key).await,
            Self::Remote(remote) => remote.take(key).await,
        }
    }
}
