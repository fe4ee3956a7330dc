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

    /// The right to fetch. None if somebody else has it, and whoever waited for it lately waited in vain: where a provider
    /// answers nothing, one waits for it and not everybody.
    pub async fn turn(&self) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.flight.try_lock() {
            Ok(turn) => Some(turn),
            Err(_) if self.held().is_some_and(|held| held.failures > 0) => None,
            Err(_) => Some(self.flight.lock().await),
        }
    }

    pub fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
