//! The Redis that tests share, and one of a test's own that may be ill-treated.

use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use cache::{Address, Cache};
use clock::Clock;
use redis::FromRedisValue;

/// What a user of the platform may do there.
const RULES: &str = include_str!("../../redis.acl");
const PASSWORD: &str = "of-no-importance";

/// The one that is started for a whole run.
pub fn shared() -> Address {
    let url = std::env::var("YUNSHU_TEST_REDIS").expect(
        "YUNSHU_TEST_REDIS is not set: run `cargo run -p xtask -- redis-test start`, then `source .local/test.env` (./dev test does both)",
    );
    Address {
        url: url.parse().unwrap(),
        password: None,
    }
}

pub struct Server {
    pub port: u16,
    folder: tempfile::TempDir,
    running: Child,
}

impl Server {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let users = format!("user default on nopass ~* &* +@all\nuser yunshu on >{PASSWORD} {RULES}");
        std::fs::write(folder.path().join("users.acl"), users).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let running = run(port, &folder);
        let server = Self { port, folder, running };
        server.wait();
        server
    }

    fn wait(&self) {
        let start = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(
                start.elapsed() < Duration::from_secs(20),
                "redis-server does not answer"
            );
            std::thread::yield_now();
        }
    }

    /// As the platform reaches it.
    pub fn address(&self) -> Address {
        Address {
            url: format!("redis://yunshu@127.0.0.1:{}", self.port).parse().unwrap(),
            password: Some(PASSWORD.to_owned().into()),
        }
    }

    pub fn cache(&self) -> Cache {
        Cache::redis(&self.address(), Clock::system()).unwrap()
    }

    /// Without a word.
    pub fn kill(&mut self) {
        self.running.kill().unwrap();
        self.running.wait().unwrap();
    }

    /// A new one at the same address, with nothing in it.
    pub fn again(&mut self) {
        self.running = run(self.port, &self.folder);
        self.wait();
    }

    pub fn signal(&self, name: &str) {
        let pid = self.running.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// What it answers to somebody else, who may do anything.
    pub fn ask<T: FromRedisValue>(&self, command: &[&str]) -> T {
        let client = redis::Client::open(("127.0.0.1", self.port)).unwrap();
        let mut connection = client.get_connection().unwrap();
        redis::cmd(command[0])
            .arg(&command[1..])
            .query(&mut connection)
            .unwrap()
    }

    pub fn keys(&self) -> Vec<String> {
        self.ask(&["KEYS", "*"])
    }
}

fn run(port: u16, folder: &tempfile::TempDir) -> Child {
    Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "no", "--aclfile", "users.acl"])
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("redis-server is missing: apt-get install --no-install-recommends redis-server (./dev test does)")
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed before.
        let _ = self.running.kill();
        let _ = self.running.wait();
    }
}
