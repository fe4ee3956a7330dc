//! Keeps callers from waiting for what is away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_secs(5);

/// After a failure nobody asks for a while, then one asks for all.
#[derive(Default)]
pub struct Circuit(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    failed_at: Option<Instant>,
    closed_until: Option<Instant>,
    complained: Option<Instant>,
}

impl Circuit {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// May this caller ask? Whoever may while it was away holds the others off until it is known how that went.
    pub fn asks(&self, now: Instant) -> bool {
        let mut state = self.state();
        match state.closed_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.closed_until = Some(now + pause(state.failures));
                true
            }
        }
    }

    pub fn worked(&self) {
        let mut state = self.state();
        if state.closed_until.take().is_some() {
            state.failures = 0;
            tracing::info!("the cache is back");
        }
    }

    /// Those that asked together fail together, which counts once.
    pub fn failed(&self, asked: Instant, now: Instant) {
        let mut state = self.state();
        if state.failed_at.is_some_and(|then| asked < then) {
            return;
        }
        state.failures = state.failures.saturating_add(1);
        state.failed_at = Some(now);
        state.closed_until = Some(now + pause(state.failures));
    }

    /// Is it time to say once more what is wrong?
    pub fn complains(&self, now: Instant) -> bool {
        let mut state = self.state();
        let silent = state.complained.is_some_and(|then| now < then + MOST);
        if !silent {
            state.complained = Some(now);
        }
        !silent
    }
}

fn pause(failures: u32) -> Duration {
    FIRST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t39_one_asks_for_all_and_pauses_grow_to_a_cap() {
        let (circuit, mut now) = (Circuit::default(), Instant::now());
        assert!(circuit.asks(now) && circuit.asks(now));
        let mut last = Duration::ZERO;
        for failures in 1..20 {
            circuit.failed(now, now);
            let pause = pause(failures);
            assert!(pause >= last && pause <= MOST);
            last = pause;
            assert!(!circuit.asks(now) && !circuit.asks(now + pause / 2));
            now += pause;
            assert!(circuit.asks(now), "one asks");
            assert!(!circuit.asks(now), "and no other meanwhile");
        }
        circuit.worked();
        assert!(circuit.asks(now) && circuit.asks(now));
    }

    #[test]
    fn t39_a_hundred_that_wait_together_fail_once() {
        let (circuit, asked) = (Circuit::default(), Instant::now());
        let now = asked + FIRST;
        for _ in 0..100 {
            circuit.failed(asked, now);
        }
        assert!(circuit.asks(now + pause(1)));
    }

    #[test]
    fn what_is_wrong_is_said_now_and_then() {
        let (circuit, now) = (Circuit::default(), Instant::now());
        assert!(circuit.complains(now) && !circuit.complains(now));
        assert!(circuit.complains(now + MOST));
    }
}
