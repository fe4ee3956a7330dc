use chrono::TimeDelta;

use crate::KeyError;

/// How long keys live, and how much is sealed with them.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// For how long keys are used without asking again.
    pub fresh: TimeDelta,
    /// For how long they are used while nobody can be asked.
    pub patience: TimeDelta,
    /// After a failure nobody is asked for so long.
    pub pause: TimeDelta,
    /// The same, at most, after many failures of a key that the tenant keeps itself.
    pub longest_pause: TimeDelta,
    /// A key that follows another is made so long before it seals; longer than `fresh`.
    pub announced: TimeDelta,
    /// How many messages a data key seals at most (NIST SP 800-38D allows 2^32 for random nonces).
    pub messages: u64,
    /// For how long a data key seals at most.
    pub age: TimeDelta,
    /// How many messages are taken at once at most.
    pub block: u64,
    /// How many tenants' keys are held at most.
    pub tenants: usize,
}

impl Rules {
    /// A platform's provider is everybody's, and asked again soon. A tenant's own that stays away is asked ever less often: each
    /// question to one that answers nothing takes its time.
    pub(super) fn pause_after(&self, error: &KeyError, failures: u32) -> TimeDelta {
        if !matches!(error, KeyError::External(_)) {
            return self.pause;
        }
        (self.pause * (1 << failures.saturating_sub(1).min(10))).min(self.longest_pause)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            fresh: TimeDelta::seconds(60),
            patience: TimeDelta::minutes(5),
            pause: TimeDelta::seconds(1),
            longest_pause: TimeDelta::seconds(30),
            announced: TimeDelta::minutes(2),
            messages: 1 << 28,
            age: TimeDelta::days(90),
            block: 1 << 16,
            tenants: 10_000,
        }
    }
}
