//! Starts again what ended, as Kubernetes would: at once, then ever later, and at once again after it has lived a while.

use std::{
    collections::BTreeMap,
    process::Child,
    time::{Duration, Instant},
};

use anyhow::Result;

use super::{parts::Parts, ports};
use crate::{daemon::Daemon, place::Place};

const LOOK: Duration = Duration::from_millis(100);
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);
/// Who lived so long is not blamed for earlier ends.
const SETTLED: Duration = Duration::from_secs(10);

struct Watched {
    daemon: Daemon,
    child: Option<Child>,
    started: Instant,
    pause: Duration,
    due: Instant,
}

/// Runs until it is told to end. What it started goes on then: whoever ends it ends them too.
#[expect(clippy::disallowed_methods, reason = "the pause between two looks at what runs")]
pub fn supervise(place: &Place) -> Result<()> {
    let parts = Parts::of(place, &ports(place)?)?;
    let now = Instant::now();
    let mut watched: BTreeMap<&str, Watched> = BTreeMap::new();
    loop {
        for (name, command) in parts.commands() {
            let watched = watched.entry(name).or_insert_with(|| Watched {
                daemon: Daemon::named(place, name),
                child: None,
                started: now,
                pause: FIRST,
                due: now,
            });
            if watched.rests() {
                watched.started = Instant::now();
                match watched.daemon.spawn(command, parts.program()) {
                    Ok(child) => watched.child = Some(child),
                    Err(error) => watched.ended(name, &format!("{error:#}")),
                }
            }
            watched.look(name);
        }
        std::thread::sleep(LOOK);
    }
}

impl Watched {
    /// Does it not run, and is it time to start it?
    fn rests(&self) -> bool {
        self.child.is_none() && Instant::now() >= self.due
    }

    fn look(&mut self, name: &str) {
        let Some(child) = &mut self.child else { return };
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(status)) => self.ended(name, &status.to_string()),
            Err(error) => self.ended(name, &error.to_string()),
        }
    }

    fn ended(&mut self, name: &str, how: &str) {
        self.child = None;
        self.pause = if self.started.elapsed() > SETTLED {
            FIRST
        } else {
            (self.pause * 2).min(LONGEST)
        };
        self.due = Instant::now() + self.pause;
        println!("{name} ended ({how}) and starts again in {} ms", self.pause.as_millis());
    }
}
