use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use host_api::Sha256;

/// The files that are being taken in: each once at a time.
#[derive(Debug, Clone, Default)]
pub struct Underway(Arc<Mutex<HashSet<Sha256>>>);

/// The right to take a file in; ends when dropped.
#[derive(Debug)]
pub struct Turn {
    among: Underway,
    digest: Sha256,
}

impl Underway {
    /// The right to take this file in, unless somebody has it.
    pub fn enter(&self, digest: &Sha256) -> Option<Turn> {
        let new = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(digest.clone());
        new.then(|| Turn {
            among: self.clone(),
            digest: digest.clone(),
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.among
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.digest);
    }
}
