//! A line and a time per step, what failed in it, and what was left out.

use std::{collections::BTreeSet, io::Write as _, time::Instant};

use anyhow::{Result, bail};

use super::count::Count;
use crate::sh::{Sh, last_lines};

pub struct Report {
    start: Instant,
    count: Count,
    skipped: Vec<String>,
    unsteady: BTreeSet<String>,
    failed: Vec<String>,
    /// Where nothing may be left out.
    strict: bool,
}

impl Report {
    pub fn new(strict: bool) -> Self {
        Self {
            start: Instant::now(),
            count: Count::default(),
            skipped: Vec::new(),
            unsteady: BTreeSet::new(),
            failed: Vec::new(),
            strict,
        }
    }

    /// Runs a command as a step; what it says is shown only when it fails.
    pub fn run(&mut self, what: &str, command: Sh) -> Result<()> {
        let repeat = command.repeat();
        self.count(what, &repeat, || command.capture())
    }

    /// Runs tests; the few that fail are tried once more on a quiet machine, and named as unsteady if they pass then.
    ///
    /// What is named after a threat (`t01_..`) gets no second try: one failure in many runs is the failure looked for.
    pub fn tests(&mut self, what: &str, command: Sh, again: impl FnOnce(&BTreeSet<&str>) -> Sh) -> Result<()> {
        let repeat = command.repeat();
        let mut unsteady = BTreeSet::new();
        let done = self.count(what, &repeat, || {
            let (good, said) = command.capture()?;
            let failed = failed(&said);
            if good || failed.is_empty() || failed.len() > 3 || failed.iter().any(|name| is_of_a_threat(name)) {
                return Ok((good, said));
            }
            let (good, second) = again(&failed).capture()?;
            if !good {
                return Ok((false, said));
            }
            println!("\n{}\n", last_lines(&telling(&said), 100));
            unsteady = failed.into_iter().map(str::to_owned).collect();
            let passed_first: Vec<_> = said
                .lines()
                .filter(|line| line.starts_with("test result: ok"))
                .collect();
            Ok((true, format!("{}\n{second}", passed_first.join("\n"))))
        });
        self.unsteady.extend(unsteady);
        done
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
        println!(
            "\n{}\n\n{what} failed. Again: {repeat}\n",
            last_lines(&telling(&said), 200)
        );
        let names = failed(&said);
        self.failed.extend(names.iter().map(|name| (*name).to_owned()));
        if names.is_empty() {
            self.failed.push(what.to_owned());
        }
        bail!("{what} failed")
    }

    /// Leaves a step out, with the reason; where nothing may be left out that is a failure.
    pub fn skip(&mut self, what: &str, why: &str) -> Result<()> {
        println!("  {what:<44}    skipped: {why}");
        self.skipped.push(format!("{what}: {why}"));
        if self.strict {
            self.count.failed += 1;
            bail!("nothing may be left out here, but {what} was: {why}");
        }
        Ok(())
    }

    /// Tells how it went as a whole. `done` is how the steps ended.
    pub fn finish(&self, done: Result<()>) -> Result<()> {
        self.tell();
        done?;
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
        for name in &self.unsteady {
            println!("unsteady: {name} (passed at the second try)");
        }
        println!("{} min {} s in all", took / 60, took % 60);
        println!("{} passed, {} failed", self.count.passed, self.count.failed);
        // Last, because where output is cut the end is what stays.
        for name in &self.failed {
            println!("failed: {name}");
        }
    }
}

/// What a test runner said without what it says of tests that passed.
fn telling(said: &str) -> String {
    let dull = |line: &str| {
        let line = line.trim();
        let progress = line.trim_end_matches(|c: char| c.is_ascii_digit() || c == '/' || c == ' ');
        line.is_empty()
            || line.starts_with("running ")
            || line.starts_with("test result: ok.")
            || (line.starts_with("test ") && line.ends_with(" ok"))
            || progress.trim_matches('.').is_empty()
    };
    let lines: Vec<_> = said.lines().filter(|line| !dull(line)).collect();
    lines.join("\n")
}

fn is_of_a_threat(name: &str) -> bool {
    let last = name.rsplit("::").next().unwrap_or_default();
    let digits = last.strip_prefix('t').and_then(|rest| rest.split_once('_'));
    digits.is_some_and(|(id, _)| id.len() == 2 && id.chars().all(|c| c.is_ascii_digit()))
}

/// The tests that failed, by the names that cargo's runner lists at its end.
fn failed(said: &str) -> BTreeSet<&str> {
    let lists = said.split("\nfailures:\n").skip(1);
    lists
        .flat_map(|list| list.lines().map_while(|line| line.strip_prefix("    ")))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "\nrunning 3 tests\n.. 2/3\ntest b::two ... FAILED\n\nfailures:\n\n---- b::two stdout ----\n\
                        thread panicked: 1 is not 2\n\nfailures:\n    b::two\n\n\
                        test result: FAILED. 2 passed; 1 failed\n\nrunning 1 test\n.\ntest result: ok. 1 passed\n\n\
                        failures:\n    alone\n\ntest result: FAILED. 0 passed; 1 failed\n    not one\n";

    #[test]
    fn what_failed_is_named_and_what_passed_is_not() {
        assert_eq!(failed(SAID).into_iter().collect::<Vec<_>>(), ["alone", "b::two"]);
        let telling = telling(SAID);
        assert!(telling.contains("1 is not 2") && telling.contains("FAILED"));
        assert!(is_of_a_threat("a::t01_x") && !is_of_a_threat("a::two") && !is_of_a_threat("t1_x::two"));
        assert!(!telling.contains("running") && !telling.contains("2/3") && !telling.contains("result: ok"));
    }
}
