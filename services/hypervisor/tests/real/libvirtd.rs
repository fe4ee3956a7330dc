//! A libvirtd of the test's own, that can be killed without taking the machine's guests along: in a mount namespace where the
//! folders that libvirt insists on are the test's.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use virt::connect::Connect;

use crate::place::SOON;

/// Each line on its standard input starts a libvirtd; the end of it ends the namespace.
const SCRIPT: &str = r#"
set -e
for part in run lib log cache; do mkdir -p "$1/$part"; done
mount --bind "$1/run" /run/libvirt
mount --bind "$1/lib" /var/lib/libvirt
mount --bind "$1/log" /var/log/libvirt
mount --bind "$1/cache" /var/cache/libvirt
virtlogd --pid-file "$1/virtlogd.pid" &
while read -r line; do libvirtd --config "$1/libvirtd.conf" --pid-file "$1/libvirtd.pid" & done
"#;

pub struct Libvirtd {
    dir: PathBuf,
    shell: Child,
}

impl Libvirtd {
    pub async fn start(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("libvirtd-{}-{name}", std::process::id()));
        fs::create_dir_all(dir.join("sock")).unwrap();
        for part in [
            "/run/libvirt",
            "/var/lib/libvirt",
            "/var/log/libvirt",
            "/var/cache/libvirt",
        ] {
            fs::create_dir_all(part).unwrap();
        }
        let sock = dir.join("sock").display().to_string();
        fs::write(
            dir.join("libvirtd.conf"),
            format!(
                "unix_sock_dir = \"{sock}\"
auth_unix_rw = \"none\"
"
            ),
        )
        .unwrap();
        let log = fs::File::create(dir.join("libvirtd.log")).unwrap();
        let shell = Command::new("unshare")
            .args(["--mount", "sh", "-c", SCRIPT, "sh"])
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("unshare, and root");
        let mut started = Self { dir, shell };
        started.again().await;
        started
    }

    pub fn uri(&self) -> String {
        format!("qemu:///system?socket={}", self.dir.join("sock/libvirt-sock").display())
    }

    /// Starts one more libvirtd, and waits until it answers.
    pub async fn again(&mut self) {
        self.shell.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
        let deadline = Instant::now() + SOON;
        while Connect::open(Some(&self.uri())).is_err() {
            let log = || fs::read_to_string(self.dir.join("libvirtd.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "libvirtd does not start:\n{}", log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// kill -9; the guests go on.
    pub fn kill(&self) {
        signal("-KILL", &self.pid("libvirtd.pid"));
    }

    /// Stops it in its tracks, or lets it go on.
    pub fn freeze(&self, frozen: bool) {
        signal(if frozen { "-STOP" } else { "-CONT" }, &self.pid("libvirtd.pid"));
    }

    /// kill -9 the process of one guest.
    pub fn kill_guest(&self, vm: ids::VmId) {
        signal("-KILL", &self.pid(&format!("run/qemu/yunshu-{vm}.pid")));
    }

    fn pid(&self, file: &str) -> String {
        fs::read_to_string(self.dir.join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"))
            .trim()
            .to_owned()
    }
}

fn signal(signal: &str, pid: &str) {
    assert!(
        Command::new("kill").args([signal, pid]).status().unwrap().success(),
        "no process {pid}"
    );
}

impl Drop for Libvirtd {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        for file in ["libvirtd.pid", "virtlogd.pid"] {
            if let Ok(pid) = fs::read_to_string(self.dir.join(file)) {
                let _ = Command::new("kill").arg(pid.trim()).status();
            }
        }
        let _ = self.shell.wait();
        let _ = fs::remove_dir_all(&self.dir);
    }
}
