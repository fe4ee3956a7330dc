use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};

use crate::{KeyError, TenantKeys};

/// One tenant's place.
#[derive(Default)]
pub(super) struct Slot {
    pub held: Mutex<Option<Held>>,
    /// Does the tenant keep the key itself, as far as is known?
    pub external: AtomicBool,
    /// Whoever fetches holds it.
    pub flight: tokio::sync::Mutex<()>,
}

#[derive(Clone)]
pub(super) struct Held {
    pub keys: Result<TenantKeys, KeyError>,
    pub fetched: DateTime<Utc>,
    /// Nobody is asked before this time.
    pub rest: Option<DateTime<Utc>>,
    /// How often in a row nothing was fetched.
    pub failures: u32,
}

impl Slot {
    /// Why it takes too long.
    pub fn slow(&self) -> KeyError {
        let cause = "it takes too long".to_owned();
        if self.external.load(Ordering::Relaxed) {
            KeyError::External(cause)
        } else {
            KeyError::Unavailable(cause)
        }
    }

    pub fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
