//! Ways to wire the product wrongly. Each is a mistake that people make, and some seed must show each.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutant {
    /// The broker is told before the commit.
    PublishBeforeCommit,
    /// Nobody remembers what was applied.
    NoInbox,
    /// The offset is committed before the effect.
    OffsetFirst,
    /// A holder believes that it still holds.
    NoEpochCheck,
    /// The feed is read by sequence alone.
    BySequence,
    /// A commit of which nobody knows whether it was is taken for one that was.
    NoRetryAfterUnknown,
    /// What comes once the keys are back overtakes what waits for them.
    NoQueue,
}

pub const ALL: [Mutant; 7] = [
    Mutant::PublishBeforeCommit,
    Mutant::NoInbox,
    Mutant::OffsetFirst,
    Mutant::NoEpochCheck,
    Mutant::BySequence,
    Mutant::NoRetryAfterUnknown,
    Mutant::NoQueue,
];

/// Which mistake is made, if any, and how often it was.
#[derive(Clone, Default)]
pub struct Switch {
    on: Option<Mutant>,
    reached: Arc<AtomicU64>,
}

impl Switch {
    pub fn to(mutant: Mutant) -> Self {
        Self {
            on: Some(mutant),
            reached: Arc::default(),
        }
    }

    pub fn is(&self, mutant: Mutant) -> bool {
        self.on == Some(mutant)
    }

    /// Asked where the mistake would be made.
    pub fn makes(&self, mutant: Mutant) -> bool {
        let made = self.is(mutant);
        if made {
            self.reached.fetch_add(1, Ordering::Relaxed);
        }
        made
    }

    pub fn reached(&self) -> u64 {
        self.reached.load(Ordering::Relaxed)
    }
}
