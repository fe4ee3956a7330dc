//! One thread, one seed, and time that moves only when nobody can go on.
//!
//! Every answer that a process waits for is a step. Which process goes on next, how long an answer takes, and which process
//! dies or stands still instead, is drawn from the seed, so a seed is a run.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Milliseconds since the run began.
pub type Time = u64;

/// Steps that are told of a run that failed: the last ones while there were faults.
const TOLD: usize = 60;

pub type Running = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What all parts of a run share.
#[derive(Clone)]
pub struct Sim(Arc<Mutex<Core>>);

struct Core {
    random: u64,
    now: Time,
    faults: bool,
    /// Every step is told at once.
    aloud: bool,
    /// When the process that is polled now can go on.
    wake: Option<Time>,
    process: String,
    last: VecDeque<String>,
    steps: u64,
    trace: DefaultHasher,
    /// How often each thing went wrong.
    suffered: BTreeMap<&'static str, u64>,
}

impl Core {
    /// `SplitMix64`.
    fn draw(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn note(&mut self, what: &dyn Display) {
        let line = format!("{:>6} ms  {:<12} {what}", self.now, self.process);
        line.hash(&mut self.trace);
        self.steps += 1;
        if self.aloud {
            println!("{line}");
        }
        // What follows is mostly that nothing is left to be done.
        if self.faults {
            if self.last.len() == TOLD {
                self.last.pop_front();
            }
            self.last.push_back(line);
        }
    }
}

/// A process that can be started again.
pub struct Process {
    name: String,
    start: Box<dyn Fn() -> Running>,
    running: Option<Running>,
    due: Time,
    /// It dies and stands still like others.
    mortal: bool,
}

impl Process {
    pub fn new<F: Future<Output = ()> + Send + 'static>(
        name: impl Display,
        mortal: bool,
        start: impl Fn() -> F + 'static,
    ) -> Self {
        Self {
            name: name.to_string(),
            start: Box::new(move || Box::pin(start())),
            running: None,
            due: 0,
            mortal,
        }
    }
}

impl Sim {
    pub fn new(seed: u64, aloud: bool) -> Self {
        Self(Arc::new(Mutex::new(Core {
            aloud,
            random: seed,
            now: 0,
            faults: true,
            wake: None,
            process: "-".to_owned(),
            last: VecDeque::new(),
            steps: 0,
            trace: DefaultHasher::new(),
            suffered: BTreeMap::new(),
        })))
    }

    fn core(&self) -> MutexGuard<'_, Core> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn now(&self) -> Time {
        self.core().now
    }

    /// Any number below the limit.
    pub fn below(&self, limit: u64) -> u64 {
        self.core().draw() % limit
    }

    /// One time in so many, while there are faults.
    pub fn fault(&self, one_in: u64) -> bool {
        let mut core = self.core();
        core.faults && core.draw().is_multiple_of(one_in)
    }

    pub fn faults(&self) -> bool {
        self.core().faults
    }

    pub fn note(&self, what: impl Display) {
        self.core().note(&what);
    }

    /// Something goes wrong.
    pub fn suffer(&self, what: &'static str) {
        let mut core = self.core();
        *core.suffered.entry(what).or_default() += 1;
        core.note(&what);
    }

    pub fn suffered(&self) -> BTreeMap<&'static str, u64> {
        self.core().suffered.clone()
    }

    /// How many steps there were, and a number that two runs share only if all their steps were the same.
    pub fn trace(&self) -> (u64, u64) {
        let core = self.core();
        (core.steps, core.trace.finish())
    }

    pub fn last_steps(&self) -> String {
        self.core()
            .last
            .iter()
            .fold(String::new(), |all, line| all + line + "\n")
    }

    /// Asks for something whose answer takes a while, most often a short one.
    pub async fn step(&self, what: impl Into<String>) {
        let takes = {
            let mut core = self.core();
            core.note(&what.into());
            let draw = core.draw();
            if core.faults && draw.is_multiple_of(40) {
                draw / 40 % 300
            } else {
                draw / 40 % 3
            }
        };
        self.sleep(takes).await;
    }

    /// Lets the others go on for this long.
    pub async fn sleep(&self, milliseconds: u64) {
        let until = self.now() + milliseconds;
        let mut asked = false;
        std::future::poll_fn(|_| {
            let mut core = self.core();
            if asked && core.now >= until {
                return Poll::Ready(());
            }
            asked = true;
            core.wake = Some(core.wake.map_or(until, |other| other.min(until)));
            Poll::Pending
        })
        .await;
    }

    /// Runs the processes, with faults until `calm`, until `end`. An error is a panic of theirs.
    pub fn run(&self, processes: &mut [Process], calm: Time, end: Time) -> Result<(), String> {
        loop {
            let now = {
                let mut core = self.core();
                let Some(next) = processes.iter().map(|process| process.due).min() else {
                    return Ok(());
                };
                core.now = core.now.max(next);
                core.faults = core.now < calm;
                core.now
            };
            if now >= end {
                return Ok(());
            }
            let ready: Vec<usize> = (0..processes.len()).filter(|at| processes[*at].due <= now).collect();
            let chosen = ready[usize::try_from(self.below(ready.len() as u64)).unwrap()];
            self.go_on(&mut processes[chosen])?;
        }
    }

    fn go_on(&self, process: &mut Process) -> Result<(), String> {
        self.core().process.clone_from(&process.name);
        if process.mortal && process.running.is_some() {
            if self.fault(150) {
                self.suffer("a process dies");
                process.running = None;
                process.due = self.now() + 1 + self.below(1_500);
                return Ok(());
            }
            if self.fault(300) {
                self.suffer("a process stands still");
                process.due = self.now() + 1 + self.below(4_000);
                return Ok(());
            }
        }
        let running = process.running.get_or_insert_with(&process.start);
        self.core().wake = None;
        let mut context = Context::from_waker(Waker::noop());
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(&mut context)));
        process.due = match polled {
            Ok(Poll::Pending) => self.core().wake.ok_or("a process waits for nothing of this run")?,
            Ok(Poll::Ready(())) => {
                process.running = None;
                Time::MAX
            }
            Err(_) => return Err(format!("{} panicked", process.name)),
        };
        Ok(())
    }

    /// Runs one thing by itself, without faults.
    pub fn alone(&self, thing: impl Future<Output = ()> + Send + 'static) {
        let thing = Mutex::new(Some(thing));
        let start = move || thing.lock().unwrap().take().expect("it is started once");
        let mut processes = [Process::new("alone", false, start)];
        self.run(&mut processes, 0, Time::MAX).unwrap();
    }
}
