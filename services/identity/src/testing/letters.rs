//! A mail server to test against, and what arrives there.

use std::process::{Child, Command, Stdio};

use base64::Engine;
use clock::Clock;
use testkit::{Bench, eventually};

use super::{Test, settings, start_on};
use crate::mail::MailSettings;
use crate::settings::Settings;

/// Debian's aiosmtpd, with a mailbox of its own.
pub(crate) struct Letters {
    child: Child,
    mailbox: tempfile::TempDir,
}

/// A letter that arrived.
pub(crate) struct Arrived {
    pub to: String,
    pub text: String,
}

impl Arrived {
    /// The token in it that begins so.
    pub fn token(&self, prefix: &str) -> Option<String> {
        let from = self.text.find(prefix)?;
        let rest = self.text.get(from..)?;
        Some(rest.split_whitespace().next()?.to_owned())
    }

    /// RFC 2045, 6.7, as far as ASCII needs it; base64 bodies are decoded as a whole.
    fn read(eml: &str) -> Option<Self> {
        let eml = eml.replace("\r\n", "\n");
        let (head, body) = eml.split_once("\n\n")?;
        let to = head.lines().find_map(|line| line.strip_prefix("To: "))?;
        let text = if head.to_lowercase().contains("base64") {
            let joined: String = body.split_whitespace().collect();
            let plain = base64::engine::general_purpose::STANDARD.decode(joined).ok()?;
            String::from_utf8_lossy(&plain).into_owned()
        } else {
            body.replace("=\n", "").replace("=3D", "=")
        };
        Some(Self {
            to: to.trim_matches(['<', '>', ' ']).to_owned(),
            text,
        })
    }
}

impl Letters {
    /// The service beside a mail server of its own.
    pub async fn start(clock: &Clock) -> (Test, Self) {
        let (mail, letters) = Self::server().await;
        let settings = Settings { mail, ..settings() };
        (start_on(Bench::at(clock.clone()).await, &settings).await, letters)
    }

    /// A mail server, and how letters get to it.
    pub async fn server() -> (MailSettings, Self) {
        let port = std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let mailbox = tempfile::tempdir().unwrap();
        let listen = format!("127.0.0.1:{port}");
        let child = Command::new("/usr/bin/python3")
            .args(["-m", "aiosmtpd", "-n", "-l", &listen, "-c", "aiosmtpd.handlers.Mailbox"])
            .arg(mailbox.path().join("box"))
            .stderr(Stdio::null())
            .spawn()
            .expect("a mail server to test against: apt-get install python3-aiosmtpd");
        let letters = Self { child, mailbox };
        eventually("the mail server listens", async || {
            tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()
        })
        .await;
        let mail = MailSettings {
            smtp: Some(format!("smtp://127.0.0.1:{port}")),
            ..MailSettings::default()
        };
        (mail, letters)
    }

    fn files(&self) -> Vec<std::path::PathBuf> {
        let new = std::fs::read_dir(self.mailbox.path().join("box/new"));
        let files = new.into_iter().flatten().flatten();
        let mut files: Vec<_> = files.map(|file| file.path()).collect();
        files.sort_by_key(|file| file.metadata().and_then(|about| about.modified()).ok());
        files
    }

    /// How many have arrived.
    pub fn count(&self) -> usize {
        self.files().len()
    }

    /// All that have arrived, oldest first, once there are that many.
    pub async fn wait(&self, many: usize) -> Vec<Arrived> {
        eventually(&format!("{many} letters"), async || {
            let texts = self
                .files()
                .into_iter()
                .filter_map(|file| std::fs::read_to_string(file).ok());
            let arrived: Vec<Arrived> = texts.filter_map(|text| Arrived::read(&text)).collect();
            (arrived.len() >= many).then_some(arrived)
        })
        .await
    }
}

impl Drop for Letters {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
