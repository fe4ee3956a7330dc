//! Running other programs: quietly while they succeed, with all they said when they fail.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    io::Write as _,
    os::unix::fs::MetadataExt,
    path::Path,
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

/// One command line under construction.
pub struct Sh(Command);

impl Sh {
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self(command)
    }

    /// The same program as another user, when we are root.
    pub fn as_user(user: Option<&str>, program: impl AsRef<OsStr>) -> Self {
        match user {
            Some(user) => Self::new("runuser").args(["-u", user, "--"]).arg(program),
            None => Self::new(program),
        }
    }

    /// A program that only root may run: through sudo when we are not.
    pub fn root(program: impl AsRef<OsStr>) -> Self {
        if am_root() {
            Self::new(program)
        } else {
            Self::new("sudo").arg(program)
        }
    }

    /// The same for what goes on in the background, where sudo can ask nobody: it asks now.
    pub fn root_daemon(program: &Path) -> Result<Self> {
        if !am_root() {
            Self::new("sudo")
                .arg("-v")
                .show()
                .context("this needs root: run it as root, or let sudo allow it")?;
        }
        Ok(Self::root(program))
    }

    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    pub fn args<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(mut self, args: I) -> Self {
        self.0.args(args);
        self
    }

    pub fn dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    pub fn env(mut self, key: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(key, value);
        self
    }

    /// Hands over the command, for whoever needs more than this wrapper offers.
    pub fn into_command(self) -> Command {
        self.0
    }

    /// What a person types to run it once more, with its directory and the environment we added.
    pub fn repeat(&self) -> String {
        let mut line = self
            .0
            .get_current_dir()
            .map(|dir| format!("cd {} && ", dir.display()))
            .unwrap_or_default();
        for (key, value) in self.0.get_envs() {
            let value = value.unwrap_or_default().to_string_lossy();
            let secret = ["PASSWORD", "SECRET", "TOKEN"]
                .iter()
                .any(|word| key.to_string_lossy().contains(word));
            let _ = write!(
                line,
                "{}='{}' ",
                key.to_string_lossy(),
                if secret { "..." } else { &value }
            );
        }
        line + &self.line()
    }

    fn line(&self) -> String {
        let mut line = self.0.get_program().to_string_lossy().into_owned();
        for arg in self.0.get_args() {
            let _ = write!(line, " {}", arg.to_string_lossy());
        }
        line
    }

    /// Runs and returns what it printed; a failure carries its last words.
    pub fn read(mut self) -> Result<String> {
        let line = self.line();
        let output = self.0.output().with_context(|| format!("cannot run `{line}`"))?;
        if !output.status.success() {
            bail!("`{line}` failed ({}):\n{}", output.status, last_words(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs and returns whether it succeeded, and all it said.
    pub fn capture(mut self) -> Result<(bool, String)> {
        let line = self.line();
        let output = self.0.output().with_context(|| format!("cannot run `{line}`"))?;
        Ok((output.status.success(), both(&output)))
    }

    /// Runs silently.
    pub fn run(self) -> Result<()> {
        self.read().map(drop)
    }

    /// Runs with its output on our terminal.
    pub fn show(mut self) -> Result<()> {
        let line = self.line();
        let status = self.0.status().with_context(|| format!("cannot run `{line}`"))?;
        if !status.success() {
            bail!("`{line}` failed ({status})");
        }
        Ok(())
    }

    /// Runs with its errors on our terminal and returns what it printed.
    pub fn read_aside(mut self) -> Result<String> {
        self.0.stderr(Stdio::inherit());
        self.read()
    }

    /// Feeds `input` to its standard input; secrets travel this way, never as arguments.
    pub fn read_with(mut self, input: &str) -> Result<String> {
        let line = self.line();
        self.0
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = self.0.spawn().with_context(|| format!("cannot run `{line}`"))?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        let output = child.wait_with_output()?;
        if !output.status.success() {
            bail!("`{line}` failed ({}):\n{}", output.status, last_words(&output));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Whether it runs and succeeds.
    pub fn succeeds(mut self) -> bool {
        self.0.output().is_ok_and(|output| output.status.success())
    }
}

/// Errors on one line each, the outermost first: the reader wants the mend, not a trace.
pub fn complain(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

/// Prints what begins, runs it, prints how long it took.
pub fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    let done = work().with_context(|| what.to_owned())?;
    println!("  {what:<52} {:>7.1} s", start.elapsed().as_secs_f64());
    Ok(done)
}

/// Whether we are root. (`/proc/self` belongs to our effective user.)
pub fn am_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0)
}

/// Polls until `ready` answers, or fails after `deadline` naming what was waited for.
#[expect(
    clippy::disallowed_methods,
    reason = "the pause between two looks at a condition with a deadline"
)]
pub fn wait_for<T>(what: &str, deadline: Duration, mut ready: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(value) = ready()? {
            return Ok(value);
        }
        if start.elapsed() > deadline {
            bail!("waited {} s for {what}", deadline.as_secs());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn last_words(output: &Output) -> String {
    last_lines(&both(output), 40)
}

fn both(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// The end of a text.
pub fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines
        .iter()
        .skip(lines.len().saturating_sub(count))
        .copied()
        .collect::<Vec<_>>()
        .join("\n")
}
