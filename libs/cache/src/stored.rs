use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::Key;

/// The longest text of a value.
const LONGEST: usize = 64 * 1024;

/// A value with what it was put under.
#[derive(Serialize, Deserialize)]
pub struct Stored<T> {
    tenant: String,
    kind: String,
    id: String,
    value: T,
}

impl<T: Serialize> Stored<&T> {
    pub fn seal(key: &Key, value: &T) -> Option<String> {
        let stored = Stored {
            tenant: key.owner(),
            kind: key.kind().to_owned(),
            id: key.id().to_owned(),
            value,
        };
        match serde_json::to_string(&stored) {
            Ok(text) if text.len() <= LONGEST => Some(text),
            Ok(text) => {
                tracing::error!(
                    kind = key.kind(),
                    bytes = text.len(),
                    "a value is too long to be cached"
                );
                None
            }
            Err(error) => {
                tracing::error!(kind = key.kind(), %error, "a value cannot be written down");
                None
            }
        }
    }
}

impl<T: DeserializeOwned> Stored<T> {
    /// The value, if it is that of this key. What was there instead is not said: it may be another tenant's.
    pub fn open(key: &Key, text: &str) -> Option<T> {
        let Ok(stored) = serde_json::from_str::<Self>(text) else {
            tracing::error!(
                kind = key.kind(),
                tenant = key.owner(),
                "what is cached is no value of this kind"
            );
            return None;
        };
        let here = stored.tenant == key.owner() && stored.kind == key.kind() && stored.id == key.id();
        if !here {
            tracing::error!(
                kind = key.kind(),
                tenant = key.owner(),
                "what is cached is another key's"
            );
        }
        here.then_some(stored.value)
    }
}
