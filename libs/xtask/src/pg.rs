//! A private PostgreSQL server: its own data, socket and settings, never the machine's cluster.
//!
//! PostgreSQL refuses to run as root, so as root everything here runs as the `postgres` user that
//! Debian's package made. There is no TCP listener: the socket's directory is the address.

use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};

use crate::{
    place::{Place, make_dir},
    sh::{self, Sh, am_root},
};

/// The oldest releases that do not read past row security (CVE-2026-120154).
const OLDEST: [(u32, u32); 4] = [(15, 20), (16, 16), (17, 12), (18, 7)];

const ALLOW_UNSAFE: &str = "YUNSHU_DATABASE__ALLOW_UNSAFE_VERSION";

/// Unix socket addresses hold 107 bytes, of which the file name takes up to 16.
const LONGEST_SOCKET_DIR: usize = 90;

pub struct Server {
    version: (u32, u32),
    bin: PathBuf,
    user: Option<&'static str>,
    data: PathBuf,
    log: PathBuf,
    /// The socket's directory.
    pub socket: PathBuf,
    pub port: u16,
}

/// Who may connect over the socket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// Anybody, as anybody: throw-away data.
    Open,
    /// The operating system's owner of the server as superuser; everyone else by password.
    Passwords,
}

impl Server {
    /// Finds the program and makes the directories; starts nothing.
    pub fn at(place: &Place, name: &str, port: u16) -> Result<Self> {
        let user = am_root().then_some("postgres");
        if user.is_some() && !Sh::new("id").arg("postgres").succeeds() {
            bail!("PostgreSQL does not run as root and there is no user `postgres`: apt-get install postgresql");
        }
        let dir = place.dir_for(name, user)?;
        let mut socket = dir.join("run");
        if socket.as_os_str().len() > LONGEST_SOCKET_DIR {
            socket = PathBuf::from(format!("/tmp/yunshu-{}-{name}", place.hash()));
        }
        let (version, bin) = newest_program()?;
        Ok(Self {
            version,
            bin,
            user,
            data: dir.join("data"),
            log: dir.join("log"),
            socket,
            port,
        })
    }

    /// Makes the data directory on first use and starts the server unless it runs.
    pub fn start(&self, entry: Entry, settings: &[(&str, &str)]) -> Result<()> {
        if self.is_up() {
            return Ok(());
        }
        check_version(self.version)?;
        if !self.data.join("PG_VERSION").exists() {
            self.init(entry)?;
        }
        self.make_socket_dir()?;
        fs::write(self.data.join("yunshu.conf"), self.conf(settings))?;
        self.tool("pg_ctl")
            .args(["start", "-w", "-s", "-t", "60", "-D"])
            .arg(&self.data)
            .arg("-l")
            .arg(&self.log)
            .run()
            .with_context(|| format!("PostgreSQL did not start, see {}", self.log.display()))
    }

    pub fn stop(&self) -> Result<()> {
        if !self.is_up() {
            return Ok(());
        }
        self.tool("pg_ctl")
            .args(["stop", "-w", "-s", "-m", "fast", "-D"])
            .arg(&self.data)
            .run()
    }

    /// The postmaster's process id, as it noted it.
    pub fn pid(&self) -> Result<String> {
        let noted = Sh::as_user(self.user, "head")
            .args(["-n", "1"])
            .arg(self.data.join("postmaster.pid"))
            .read()?;
        Ok(noted.trim().to_owned())
    }

    /// Kills the postmaster without a word; its children end when they notice. Starting again recovers from the log.
    pub fn kill(&self) -> Result<()> {
        let noted = self.pid()?;
        Sh::root("kill").args(["-s", "KILL", &noted]).run()?;
        // Until its parent has taken note of the death, `pg_ctl` believes it to be running.
        let gone = || Ok((!Path::new("/proc").join(&noted).exists() && !self.is_up()).then_some(()));
        sh::wait_for("PostgreSQL to die", Duration::from_secs(20), gone)
    }

    pub fn is_up(&self) -> bool {
        self.data.join("postmaster.pid").exists()
            && self
                .tool("pg_ctl")
                .args(["status", "-s", "-D"])
                .arg(&self.data)
                .succeeds()
    }

    /// Runs SQL as the superuser; it goes in through standard input, so that it may hold secrets.
    pub fn sql(&self, database: &str, sql: &str) -> Result<String> {
        self.tool("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-U",
                "postgres",
                "-d",
                database,
            ])
            .arg("-h")
            .arg(&self.socket)
            .args(["-p", &self.port.to_string()])
            .read_with(sql)
    }

    /// Every row of a database, as text.
    pub fn dump(&self, database: &str) -> Result<String> {
        self.tool("pg_dump")
            .args(["-U", "postgres", "-h"])
            .arg(&self.socket)
            .args(["-p", &self.port.to_string(), database])
            .read()
    }

    fn init(&self, entry: Entry) -> Result<()> {
        let auth = match entry {
            Entry::Open => "trust",
            Entry::Passwords => "peer",
        };
        self.tool("initdb")
            .args(["-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "--data-checksums"])
            .arg(format!("--auth-local={auth}"))
            .args(["--auth-host=reject", "-D"])
            .arg(&self.data)
            .run()
            .context("initdb")?;
        if entry == Entry::Passwords {
            let owner = Sh::as_user(self.user, "id").arg("-un").read()?;
            fs::write(
                self.data.join("pg_ident.conf"),
                format!("yunshu {} postgres\n", owner.trim()),
            )?;
            let rules = "local all postgres peer map=yunshu\nlocal all all scram-sha-256\n";
            fs::write(self.data.join("pg_hba.conf"), rules)?;
        }
        let conf = self.data.join("postgresql.conf");
        let text = fs::read_to_string(&conf)?;
        fs::write(&conf, format!("{text}\ninclude 'yunshu.conf'\n"))?;
        Ok(())
    }

    /// Durability is spelled out: these are the settings acknowledged writes rest on.
    fn conf(&self, settings: &[(&str, &str)]) -> String {
        let mut conf = format!(
            "listen_addresses = ''\nport = {}\nunix_socket_directories = '{}'\n\
             fsync = on\nsynchronous_commit = on\nfull_page_writes = on\npassword_encryption = 'scram-sha-256'\n",
            self.port,
            self.socket.display()
        );
        for (key, value) in settings {
            let _ = writeln!(conf, "{key} = {value}");
        }
        conf
    }

    fn make_socket_dir(&self) -> Result<()> {
        make_dir(&self.socket, 0o755)?;
        if let Some(user) = self.user {
            Sh::new("chown").arg(format!("{user}:")).arg(&self.socket).run()?;
        }
        Ok(())
    }

    /// One of PostgreSQL's programs, as the server's user, in a directory that user may enter.
    fn tool(&self, name: &str) -> Sh {
        Sh::as_user(self.user, self.bin.join(name))
            .dir(Path::new("/"))
            .env("LC_ALL", "C.UTF-8")
    }
}

fn newest_program() -> Result<((u32, u32), PathBuf)> {
    let mut found: Vec<((u32, u32), PathBuf)> = Vec::new();
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"));
    let elsewhere = Sh::new("pg_config")
        .arg("--bindir")
        .read()
        .map(|dir| PathBuf::from(dir.trim()))
        .ok();
    for bin in debian.chain(elsewhere) {
        if let Some(version) = Sh::new(bin.join("postgres"))
            .arg("--version")
            .read()
            .ok()
            .as_deref()
            .and_then(version)
        {
            found.push((version, bin));
        }
    }
    found.sort();
    let Some((version, bin)) = found.pop() else {
        bail!("no PostgreSQL server here: apt-get install postgresql");
    };
    Ok((version, bin))
}

/// The server itself looks again, and is told to start all the same by the same variable.
fn check_version((major, minor): (u32, u32)) -> Result<()> {
    if new_enough((major, minor)) || env::var(ALLOW_UNSAFE).is_ok_and(|value| value == "true") {
        return Ok(());
    }
    bail!(
        "PostgreSQL {major}.{minor} reads past row security (CVE-2026-120154): apt-get install --only-upgrade \
         postgresql-{major}, or to try Yunshu with it {ALLOW_UNSAFE}=true"
    )
}

/// `postgres (PostgreSQL) 15.20 (Debian ...)` -> (15, 20)
fn version(line: &str) -> Option<(u32, u32)> {
    let (major, minor) = line.split_whitespace().nth(2)?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn new_enough((major, minor): (u32, u32)) -> bool {
    match OLDEST.iter().find(|oldest| oldest.0 == major) {
        Some(oldest) => minor >= oldest.1,
        None => OLDEST.last().is_some_and(|last| major > last.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_server_calls_itself() {
        assert_eq!(
            version("postgres (PostgreSQL) 15.20 (Debian 15.20-0+deb12u1)"),
            Some((15, 20))
        );
        assert_eq!(version("postgres (PostgreSQL) 18beta1"), None);
    }

    #[test]
    fn refuses_servers_that_read_past_row_security() {
        for old in [(15, 19), (16, 15), (17, 11), (18, 6), (14, 99)] {
            assert!(!new_enough(old), "{old:?}");
        }
        for good in [(15, 20), (16, 16), (17, 12), (18, 7), (19, 0)] {
            assert!(new_enough(good), "{good:?}");
        }
    }
}
