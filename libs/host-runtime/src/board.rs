//! What the reconciler tells the reporter.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use host_api::{ObservedError, Timings};
use ids::VmId;
use tokio::sync::Notify;

/// Notes on VMs, and a bell for when they change.
#[derive(Debug, Default)]
pub(crate) struct Board {
    notes: Mutex<HashMap<VmId, Note>>,
    pub(crate) news: Notify,
}

/// What cannot be seen by looking at the machine.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Note {
    /// A step may be under way.
    pub(crate) busy: bool,
    /// Why the last attempt failed.
    pub(crate) error: Option<ObservedError>,
    /// What the last steps took; until it was told.
    pub(crate) timings: Option<Timings>,
}

impl Board {
    /// Changes a note, and rings when it is another one now.
    pub(crate) fn note(&self, vm_id: VmId, change: impl FnOnce(&mut Note)) {
        let mut notes = self.lock();
        let note = notes.entry(vm_id).or_default();
        let before = note.clone();
        change(note);
        if *note != before {
            self.news.notify_one();
        }
        if *note == Note::default() {
            notes.remove(&vm_id);
        }
    }

    pub(crate) fn all(&self) -> HashMap<VmId, Note> {
        self.lock().clone()
    }

    /// Forgets timings that were told, unless there are newer ones.
    pub(crate) fn told(&self, vm_id: VmId, timings: Timings) {
        let mut notes = self.lock();
        if let Some(note) = notes.get_mut(&vm_id)
            && note.timings == Some(timings)
        {
            note.timings = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<VmId, Note>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
