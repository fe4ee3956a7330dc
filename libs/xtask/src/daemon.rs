//! Programs we leave running, and how we know them again: a process is ours only while its start
//! time and boot are the ones we wrote down, so a reused number is never signalled.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    place::{Place, make_dir},
    sh::{self, Sh},
};

/// How long a program may take to drain before it is killed.
const GRACE: Duration = Duration::from_secs(20);

pub struct Daemon {
    pub name: String,
    pid_file: PathBuf,
    pub log: PathBuf,
}

impl Daemon {
    pub fn named(place: &Place, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            pid_file: place.state("run").join(format!("{name}.pid")),
            log: place.state("log").join(format!("{name}.log")),
        }
    }

    /// Every program that was ever started from here.
    pub fn all(place: &Place) -> Result<Vec<Self>> {
        let dir = place.state("run");
        make_dir(&dir, 0o755)?;
        let mut names: Vec<String> = fs::read_dir(dir)?
            .flatten()
            .filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".pid")?.to_owned()))
            .collect();
        names.sort();
        Ok(names.iter().map(|name| Self::named(place, name)).collect())
    }

    /// Starts it in a process group of its own, so that Ctrl-C in the terminal is not meant for it.
    pub fn start(&self, command: Sh, program: &Path) -> Result<()> {
        self.spawn(command, program).map(drop)
    }

    /// The same, for whoever waits for its end.
    pub fn spawn(&self, command: Sh, program: &Path) -> Result<Child> {
        let mut command: Command = command.into_command();
        for file in [&self.pid_file, &self.log] {
            make_dir(file.parent().context("has a parent")?, 0o755)?;
        }
        let log = File::options().create(true).append(true).open(&self.log)?;
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {}", self.name))?;
        let mark =
            mark_of(child.id()).with_context(|| format!("{} ended at once: {}", self.name, self.last_words()))?;
        fs::write(
            &self.pid_file,
            format!("{} {mark}\n{}\n", child.id(), build_of(program)),
        )?;
        Ok(child)
    }

    /// Its process number while it runs.
    pub fn pid(&self) -> Option<u32> {
        let noted = fs::read_to_string(&self.pid_file).ok()?;
        let (pid, mark) = noted.lines().next()?.split_once(' ')?;
        let pid = pid.parse().ok()?;
        (mark_of(pid)? == mark).then_some(pid)
    }

    /// Whether it runs, and runs the program as it is now: not one that was built anew since.
    pub fn is_current(&self, program: &Path) -> bool {
        let noted = fs::read_to_string(&self.pid_file).unwrap_or_default();
        self.pid().is_some() && noted.lines().nth(1) == Some(build_of(program).as_str())
    }

    /// Fails as soon as it is gone, with what it said last.
    pub fn must_run(&self) -> Result<()> {
        if self.pid().is_none() {
            bail!("{} ended: {}", self.name, self.last_words());
        }
        Ok(())
    }

    /// Asks it to end, waits, and kills it when it does not. Says whether it ran.
    pub fn stop(&self) -> Result<bool> {
        let Some(pid) = self.pid() else {
            let _ = fs::remove_file(&self.pid_file);
            return Ok(false);
        };
        signal(pid, "TERM")?;
        let gone = || Ok(self.pid().is_none().then_some(()));
        if sh::wait_for(&format!("{} to end", self.name), GRACE, gone).is_err() {
            signal(pid, "KILL")?;
            sh::wait_for(&format!("{} to die", self.name), GRACE, gone)?;
        }
        fs::remove_file(&self.pid_file)?;
        Ok(true)
    }

    /// Ends it as a power cut would: nothing is asked, nothing is drained.
    pub fn kill(&self) -> Result<()> {
        let Some(pid) = self.pid() else { return Ok(()) };
        let mark = mark_of(pid);
        signal(pid, "KILL")?;
        // Not until nothing of its name runs: a supervisor may have started it again.
        sh::wait_for(&format!("{} to die", self.name), GRACE, || {
            Ok((mark_of(pid) != mark || mark.is_none()).then_some(()))
        })
    }

    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let last = sh::last_lines(&log, 5);
        format!("{last}\n(more in {})", self.log.display())
    }
}

/// Start time in clock ticks since boot, and the boot; none for a process that is gone or a zombie.
fn mark_of(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name is in parentheses and may hold anything, parentheses too.
    let mut after_name = stat.rsplit_once(')')?.1.split_whitespace();
    let state = after_name.next()?;
    let started = after_name.nth(18)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    (!matches!(state, "Z" | "X")).then(|| format!("{started} {}", boot.trim()))
}

/// A program file and when it was written.
fn build_of(program: &Path) -> String {
    let written = fs::metadata(program).and_then(|file| file.modified()).ok();
    format!("{} {written:?}", program.display())
}

fn signal(pid: u32, signal: &str) -> Result<()> {
    Sh::root("kill").args(["-s", signal, &pid.to_string()]).run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_living_process_and_not_another_of_its_number() -> Result<()> {
        let dir = std::env::temp_dir().join(format!("xtask-daemon-{}", std::process::id()));
        let place = Place::at(dir.clone(), dir.clone())?;
        let daemon = Daemon::named(&place, "sleeper");
        daemon.start(Sh::new("sleep").arg("60"), Path::new("/bin/sleep"))?;
        assert!(daemon.is_current(Path::new("/bin/sleep")));
        assert!(!daemon.is_current(Path::new("/bin/ls")));
        let pid = daemon.pid().context("it runs")?;

        let noted = fs::read_to_string(&daemon.pid_file)?;
        fs::write(&daemon.pid_file, format!("{pid} 1 another-boot\n"))?;
        assert_eq!(daemon.pid(), None, "a number alone is not the process");
        assert!(!daemon.stop()?, "and is not stopped");

        fs::write(&daemon.pid_file, noted)?;
        assert!(daemon.stop()?);
        assert_eq!(daemon.pid(), None);
        fs::remove_dir_all(dir)?;
        Ok(())
    }
}
