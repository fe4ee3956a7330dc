//! Faults that depend on the seed, the VM, the step and the attempt, and on nothing else: not on timing, not on order.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use ids::VmId;

/// What happens to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It works.
    Fine,
    /// It fails and nothing happened.
    Fails,
    /// It fails and happened all the same.
    FailsLate,
}

pub(crate) struct Faults {
    seed: u64,
    failure: f64,
    each_once: bool,
    healed: AtomicBool,
    injected: AtomicU64,
    attempts: Mutex<HashMap<(VmId, &'static str), u64>>,
}

impl Faults {
    pub(crate) fn new(seed: u64, failure: f64, each_once: bool) -> Self {
        Self {
            seed,
            failure,
            each_once,
            healed: AtomicBool::new(false),
            injected: AtomicU64::new(0),
            attempts: Mutex::new(HashMap::new()),
        }
    }

    pub(crate) fn fate(&self, vm_id: VmId, step: &'static str) -> Fate {
        let attempt = {
            let mut attempts = self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
            let attempt = attempts.entry((vm_id, step)).or_default();
            *attempt += 1;
            *attempt
        };
        let mut hasher = DefaultHasher::new();
        (self.seed, vm_id, step, attempt).hash(&mut hasher);
        let dice = hasher.finish();
        // 32 bits are a float without loss.
        let share = f64::from(u32::try_from(dice >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);

        let fails = share < self.failure || (self.each_once && attempt == 1);
        if !fails || self.healed.load(Ordering::Relaxed) {
            return Fate::Fine;
        }
        self.injected.fetch_add(1, Ordering::Relaxed);
        if dice & 1 == 0 { Fate::Fails } else { Fate::FailsLate }
    }

    pub(crate) fn injected(&self) -> u64 {
        self.injected.load(Ordering::Relaxed)
    }

    pub(crate) fn heal(&self) {
        self.healed.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_seeds_fail_alike_and_the_rate_is_kept() {
        let vm_id = VmId::mint();
        let run = |seed| {
            let faults = Faults::new(seed, 0.3, false);
            let fates: Vec<Fate> = (0..1000).map(|_| faults.fate(vm_id, "start")).collect();
            (fates, faults.injected())
        };
        assert_eq!(run(7), run(7));
        assert_ne!(run(7).0, run(8).0);
        assert!((240..360).contains(&run(7).1), "{}", run(7).1);
        assert!(run(7).0.contains(&Fate::FailsLate) && run(7).0.contains(&Fate::Fails));
    }

    #[test]
    fn each_fails_once() {
        let faults = Faults::new(0, 0.0, true);
        let vm_id = VmId::mint();
        assert_ne!(faults.fate(vm_id, "define"), Fate::Fine);
        assert_eq!(faults.fate(vm_id, "define"), Fate::Fine);
        assert_ne!(faults.fate(vm_id, "start"), Fate::Fine);
        faults.heal();
        assert_eq!(faults.fate(VmId::mint(), "start"), Fate::Fine);
    }
}
