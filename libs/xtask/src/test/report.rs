//! A line and a time per step, the end at the first failure, and what was left out.

use std::{io::Write as _, time::Instant};

use anyhow::{Result, bail};

use super::count::Count;
use crate::sh::{Sh, last_lines};

pub struct Report {
    start: Instant,
    count: Count,
    skipped: Vec<String>,
    /// Where nothing may be left out.
    strict: bool,
}

impl Report {
    pub fn new(strict: bool) -> Self {
        Self {
            start: Instant::now(),
            count: Count::default(),
            skipped: Vec::new(),
            strict,
        }
    }

    /// Runs a command as a step; what it says is shown only when it fails.
    pub fn run(&mut self, what: &str, command: Sh) -> Result<()> {
        let repeat = command.repeat();
        self.count(what, &repeat, || command.capture())
    }

    /// Runs a step of our own.
    pub fn step(&mut self, what: &str, repeat: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
        self.count(what, repeat, || work().map(|()| (true, String::new())))
    }

    /// What is said is where test runners tell how many passed.
    fn count(&mut self, what: &str, repeat: &str, work: impl FnOnce() -> Result<(bool, String)>) -> Result<()> {
        print!("  {what:<44}");
        std::io::stdout().flush()?;
        let start = Instant::now();
        let (good, said) = work().unwrap_or_else(|error| (false, format!("{error:#}")));

        let count = Count::of(&said);
        self.count.add(count);
        if count.ignored > 0 {
            self.skipped
                .push(format!("{what}: {} tests say that they are not run", count.ignored));
        }
        let tests = if count.passed > 0 {
            format!("{} passed", count.passed)
        } else {
            String::new()
        };
        println!("{:>8.1} s  {tests}", start.elapsed().as_secs_f64());
        if good {
            return Ok(());
        }
        // A step without tests of its own that fails is one failure.
        self.count.failed += usize::from(count.failed == 0);
        println!("\n{}\n\n{what} failed. Again: {repeat}\n", last_lines(&said, 200));
        self.tell();
        bail!("{what} failed")
    }

    /// Leaves a step out, with the reason; where nothing may be left out that is a failure.
    pub fn skip(&mut self, what: &str, why: &str) -> Result<()> {
        println!("  {what:<44}    skipped: {why}");
        self.skipped.push(format!("{what}: {why}"));
        if self.strict {
            self.count.failed += 1;
            self.tell();
            bail!("nothing may be left out here, but {what} was: {why}");
        }
        Ok(())
    }

    pub fn finish(&self) -> Result<()> {
        self.tell();
        if self.strict && !self.skipped.is_empty() {
            bail!("nothing may be left out here");
        }
        Ok(())
    }

    fn tell(&self) {
        let took = self.start.elapsed().as_secs();
        match self.skipped.as_slice() {
            [] => println!("skipped: nothing"),
            some => some.iter().for_each(|one| println!("skipped: {one}")),
        }
        println!("{} min {} s in all", took / 60, took % 60);
        println!("{} passed, {} failed", self.count.passed, self.count.failed);
    }
}
