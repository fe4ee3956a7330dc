//! Keeps callers from waiting for what is away.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_millis(200);
const MOST: Duration = Duration::from_secs(5);

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Now {
    /// Ask.
    Ask,
    /// Go without, and have it looked meanwhile whether it is back.
    Look,
    /// Go without.
    Leave,
}

/// After a failure nobody asks, and every so often it is looked, for all, whether it is back.
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

    /// Whoever is to look holds the others off until it is known how that went.
    pub fn asks(&self, now: Instant) -> Now {
        let mut state = self.state();
        match state.closed_until {
            None => Now::Ask,
            Some(until) if now < until => Now::Leave,
            Some(_) => {
                state.closed_until = Some(now + pause(state.failures));
                Now::Look
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
    fn t39_one_looks_for_all_and_pauses_grow_to_a_cap() {
        let (circuit, mut now) = (Circuit::default(), Instant::now());
        assert_eq!([circuit.asks(now), circuit.asks(now)], [Now::Ask; 2]);
        let mut last = Duration::ZERO;
        for failures in 1..20 {
            circuit.failed(now, now);
            let pause = pause(failures);
            assert!(pause >= last && pause <= MOST);
            last = pause;
            assert_eq!([circuit.asks(now), circuit.asks(now + pause / 2)], [Now::Leave; 2]);
            now += pause;
            assert_eq!(circuit.asks(now), Now::Look, "one looks");
            assert_eq!(circuit.asks(now), Now::Leave, "and no other meanwhile");
        }
        circuit.worked();
        assert_eq!([circuit.asks(now), circuit.asks(now)], [Now::Ask; 2]);
    }

    #[test]
    fn t39_a_hundred_that_wait_together_fail_once() {
        let (circuit, asked) = (Circuit::default(), Instant::now());
        let now = asked + FIRST;
        for _ in 0..100 {
            circuit.failed(asked, now);
        }
        assert_eq!(circuit.asks(now + pause(1)), Now::Look);
    }

    #[test]
    fn what_is_wrong_is_said_now_and_then() {
        let (circuit, now) = (Circuit::default(), Instant::now());
        assert!(circuit.complains(now) && !circuit.complains(now));
        assert!(circuit.complains(now + MOST));
    }
}
