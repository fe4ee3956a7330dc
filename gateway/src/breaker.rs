//! A circuit breaker for one instance of a service.
//!
//! Closed, it counts failures in a row; at the limit it opens and refuses at once, so that callers do not queue up behind
//! a dead instance. After a pause, which doubles up to five seconds, one request goes through as a probe and its fate
//! decides. A failure is that no answer came; an answer of any status is a success.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const FAILURES_TO_OPEN: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, Copy)]
enum State {
    Closed { failures: u32 },
    Open { until: Instant, pause: Duration },
    Probing { pause: Duration },
}

/// The breaker; clones are the same one.
#[derive(Debug, Clone)]
pub struct Breaker(Arc<Mutex<State>>);

/// One request that was let through. Dropped without a word, it says nothing about the instance.
pub struct Pass {
    breaker: Breaker,
    told: bool,
}

impl Breaker {
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(State::Closed { failures: 0 })))
    }

    /// Lets a request through, or says how long to wait.
    pub fn pass(&self, now: Instant) -> Result<Pass, Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match *state {
            State::Closed { .. } => {}
            State::Open { until, pause } if now >= until => *state = State::Probing { pause },
            State::Open { until, .. } => return Err(until - now),
            State::Probing { .. } => return Err(FIRST_PAUSE),
        }
        Ok(Pass {
            breaker: self.clone(),
            told: false,
        })
    }

    fn set(&self, next: impl FnOnce(State) -> State) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = next(*state);
    }
}

impl Pass {
    /// The instance answered.
    pub fn succeeded(mut self) {
        self.told = true;
        self.breaker.set(|_| State::Closed { failures: 0 });
    }

    /// The instance did not answer.
    pub fn failed(mut self, now: Instant) {
        self.told = true;
        self.breaker.set(|state| match state {
            State::Closed { failures } if failures + 1 < FAILURES_TO_OPEN => State::Closed { failures: failures + 1 },
            State::Closed { .. } => State::Open {
                until: now + FIRST_PAUSE,
                pause: FIRST_PAUSE,
            },
            State::Probing { pause } => {
                let pause = (pause * 2).min(LONGEST_PAUSE);
                State::Open {
                    until: now + pause,
                    pause,
                }
            }
            // A request from before the opening came home late.
            open @ State::Open { .. } => open,
        });
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if !self.told {
            // A probe whose client went away must not leave the breaker waiting for it.
            self.breaker.set(|state| match state {
                State::Probing { pause } => State::Open {
                    until: Instant::now(),
                    pause,
                },
                other => other,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let breaker = Breaker::new();
        for _ in 0..FAILURES_TO_OPEN {
            breaker.pass(now).unwrap().failed(now);
        }
        breaker
    }

    #[test]
    fn t40_it_opens_after_failures_in_a_row_and_only_then() {
        let now = Instant::now();
        let breaker = Breaker::new();
        for _ in 1..FAILURES_TO_OPEN {
            breaker.pass(now).unwrap().failed(now);
        }
        breaker.pass(now).unwrap().succeeded();
        breaker.pass(now).unwrap().failed(now);
        assert!(breaker.pass(now).is_ok(), "a success starts the count again");
        assert!(opened(now).pass(now).is_err());
    }

    #[test]
    fn t40_one_probe_decides() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + FIRST_PAUSE;
        let probe = breaker.pass(later).unwrap();
        assert!(breaker.pass(later).is_err(), "one probe at a time");
        probe.succeeded();
        assert!(breaker.pass(later).is_ok());
    }

    #[test]
    fn t40_pauses_grow_to_five_seconds_and_no_further() {
        let mut now = Instant::now();
        let breaker = opened(now);
        for _ in 0..10 {
            let wait = breaker.pass(now).map(|_| ()).unwrap_err();
            assert!(wait <= LONGEST_PAUSE);
            now += wait;
            breaker.pass(now).unwrap().failed(now);
        }
        assert_eq!(breaker.pass(now).map(|_| ()).unwrap_err(), LONGEST_PAUSE);
    }

    #[test]
    fn a_probe_that_was_given_up_makes_way_for_the_next() {
        let now = Instant::now();
        let breaker = opened(now);
        let later = now + FIRST_PAUSE;
        drop(breaker.pass(later).unwrap());
        assert!(breaker.pass(Instant::now().max(later)).is_ok());
    }
}
