//! Does errands: looks into requests, and sends letters.

use std::sync::Arc;
use std::time::Duration;

use auth::action::session;
use auth::{Action, Caller};
use chrono::TimeDelta;
use db::{AuditEvent, AuditOutcome, Reason, SystemTx};
use ids::EventId;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::errand::{Errand, Letter, MOST_ATTEMPTS, link, longest_pause, reset_letter};
use crate::mail;
use crate::once::Token;
use crate::state::Identity;
use crate::store::{self, errands::Claimed};

/// How soon it is looked again without having been called.
const PERIOD: Duration = Duration::from_secs(5);
const BATCH: i64 = 20;
/// What a reset's token begins with.
const RESET: &str = "ypr_";

/// Works until `shutdown`.
pub async fn run(identity: Arc<Identity>, shutdown: CancellationToken) {
    while !shutdown.is_cancelled() {
        let rest = match round(&identity).await {
            Ok(0) => PERIOD,
            Ok(_) => continue,
            Err(error) => {
                tracing::warn!(%error, "errands have to wait");
                PERIOD
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = identity.errands.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Claims what is due and does it; answers how many there were.
pub async fn round(identity: &Identity) -> Result<usize, fault::Error> {
    let mut tx = identity.db.system(Reason::Reconcile).await?;
    let claimed = store::errands::claim(&mut tx, BATCH).await?;
    tx.commit().await?;
    for errand in &claimed {
        match Errand::open(&identity.kek, errand.id, &errand.sealed) {
            Ok(Errand::Reset { email, tenant }) => look_into(identity, errand, &email, tenant.as_deref()).await?,
            Ok(Errand::Letter(letter)) => send(identity, errand, &letter).await?,
            Err(unreadable) => {
                tracing::error!(errand = %errand.id, %unreadable, "dropped: it does not open with this key");
                drop_it(identity, errand.id).await?;
            }
        }
    }
    Ok(claimed.len())
}

/// The request goes and the letters come in one commit: whoever dies in between has done nothing.
async fn look_into(
    identity: &Identity,
    errand: &Claimed,
    email: &str,
    tenant: Option<&str>,
) -> Result<(), fault::Error> {
    let mut tx = identity.db.system(Reason::SignIn).await?;
    if !store::errands::remove(&mut tx, errand.id).await? {
        return Ok(());
    }
    for found in store::resets::addressees(&mut tx, email, tenant).await? {
        let token = Token::make(RESET);
        store::resets::insert(&mut tx, found.tenant, found.user, token.digest()).await?;
        let profile = store::policies::at_sign_in(&mut tx, found.tenant)
            .await?
            .password
            .profile;
        let link = link("/reset", profile, &token.reveal());
        let link = format!("{}{link}", identity.mailer.portal());
        let letter = reset_letter(email, &found.tenant_name, &link);
        store::errands::insert(&mut tx, &identity.kek, &Errand::Letter(letter), store::resets::LIVES).await?;
        asked(&mut tx, &found)?;
    }
    tx.commit().await?;
    Ok(())
}

fn asked(tx: &mut SystemTx, found: &store::resets::Addressee) -> Result<(), fault::Error> {
    let caller = Caller::worker(found.tenant, "errands");
    let object = format!("user:{}", found.user);
    let (action, success) = (session::Recover::INFO.name, AuditOutcome::Success);
    let entry = AuditEvent::of(&caller, tx.now(), action, object, success, json!({"step": "asked"}));
    tx.record(found.tenant, &entry)
}

/// No transaction is open while the mail server is spoken to.
async fn send(identity: &Identity, errand: &Claimed, letter: &Letter) -> Result<(), fault::Error> {
    let error = match identity.mailer.send(errand.id, letter).await {
        Ok(()) => return drop_it(identity, errand.id).await,
        Err(error) => error,
    };
    let again = matches!(error, mail::Error::Later(_)) && errand.attempt < MOST_ATTEMPTS;
    tracing::warn!(errand = %errand.id, attempt = errand.attempt, again, %error, "a letter did not leave");
    let mut tx = identity.db.system(Reason::Reconcile).await?;
    let until = tx.now() + jittered(longest_pause(errand.attempt));
    if !again || !store::errands::put_off(&mut tx, errand.id, until).await? {
        store::errands::remove(&mut tx, errand.id).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn drop_it(identity: &Identity, errand: EventId) -> Result<(), fault::Error> {
    let mut tx = identity.db.system(Reason::Reconcile).await?;
    store::errands::remove(&mut tx, errand).await?;
    tx.commit().await?;
    Ok(())
}

/// A random part of it.
fn jittered(longest: TimeDelta) -> TimeDelta {
    let milliseconds = u64::try_from(longest.num_milliseconds()).unwrap_or(0).max(1);
    let part = u64::from_be_bytes(crypto::random::<8>()) % milliseconds;
    TimeDelta::milliseconds(i64::try_from(part).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use clock::Clock;
    use testkit::{Bench, eventually};

    use super::*;
    use crate::mail::MailSettings;
    use crate::settings::Settings;
    use crate::testing::{Test, settings, start_on};

    /// Debian's aiosmtpd, with a mailbox of its own.
    struct Server {
        child: Child,
        mailbox: tempfile::TempDir,
    }

    impl Server {
        async fn start(port: u16) -> Self {
            let mailbox = tempfile::tempdir().unwrap();
            let folder = mailbox.path().join("box");
            let listen = format!("127.0.0.1:{port}");
            let args = ["-m", "aiosmtpd", "-n", "-l", &listen, "-c", "aiosmtpd.handlers.Mailbox"];
            let child = Command::new("/usr/bin/python3")
                .args(args)
                .arg(folder)
                .stderr(Stdio::piped())
                .spawn()
                .expect("a mail server to test against: apt-get install python3-aiosmtpd");
            let server = Self { child, mailbox };
            eventually(
                "the mail server listens (apt-get install python3-aiosmtpd)",
                async || tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok(),
            )
            .await;
            server
        }

        fn letters(&self) -> Vec<String> {
            let new = std::fs::read_dir(self.mailbox.path().join("box/new"));
            let files = new.into_iter().flatten().flatten();
            files
                .filter_map(|file| std::fs::read_to_string(file.path()).ok())
                .collect()
        }
    }

    impl Drop for Server {
        fn drop(&mut self) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }

    fn free_port() -> u16 {
        std::net::TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port()
    }

    /// The service beside a mail server that may not be there yet; its own worker sleeps on a clock that stands.
    async fn start(port: u16) -> (Test, Clock) {
        let clock = Clock::held_at(Clock::system().now());
        let mail = MailSettings {
            smtp: Some(format!("smtp://127.0.0.1:{port}")),
            ..MailSettings::default()
        };
        let settings = Settings { mail, ..settings() };
        (start_on(Bench::at(clock.clone()).await, &settings).await, clock)
    }

    async fn ask(test: &Test, email: &str) {
        let body = json!({"email": email});
        test.client.post("/api/v1/auth/password-reset", body).await.expect(202);
    }

    #[tokio::test]
    async fn a_letter_waits_for_the_mail_server_and_arrives_once() {
        let port = free_port();
        let (test, clock) = start(port).await;
        let owner = test.sign_up("acme").await;
        ask(&test, &owner.email).await;
        eventually("a first try that failed", async || {
            test.dump("identity.errands").await.contains(",1,").then_some(())
        })
        .await;
        let server = Server::start(port).await;
        eventually("the letter", async || {
            clock.advance(Duration::from_secs(1));
            (!server.letters().is_empty()).then_some(())
        })
        .await;
        eventually("nothing is left to do", async || {
            test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
        let letters = server.letters();
        assert_eq!(letters.len(), 1);
        assert!(letters[0].contains("Message-ID: <") && letters[0].contains(&owner.email));
    }

    #[tokio::test]
    async fn who_is_nobody_gets_no_letter_and_a_refused_letter_is_not_sent_for_ever() {
        let (test, clock) = start(free_port()).await;
        let owner = test.sign_up("acme").await;
        ask(&test, "nobody@acme.example").await;
        eventually("looked into", async || {
            test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
        ask(&test, &owner.email).await;
        // The request itself is an errand too; the letter is there once the reset is.
        eventually("a first try that failed", async || {
            let looked_into = !test.dump("identity.resets").await.is_empty();
            (looked_into && test.dump("identity.errands").await.contains(",1,")).then_some(())
        })
        .await;
        clock.advance(Duration::from_mins(40));
        eventually("given up", async || {
            test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
    }
}
