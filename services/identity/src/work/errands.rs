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

use crate::errand::{Errand, MOST_ATTEMPTS, link, longest_pause, reset_letter};
use crate::once::Token;
use crate::person::Email;
use crate::state::Identity;
use crate::store::{self, errands::Claimed};
use crate::{mail, sms};

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
            Ok(Errand::Letter(letter)) => {
                let sent = identity.mailer.send(errand.id, &letter).await;
                settle(identity, errand, sent.map_err(Unsent::from)).await?;
            }
            Ok(Errand::Text(text)) => {
                let sent = identity.texter.send(errand.id, &text).await;
                settle(identity, errand, sent.map_err(Unsent::from)).await?;
            }
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
    let (address, lookup) = (Email::stored(email.to_owned()), identity.lookup.key().await?);
    let mut tx = identity.db.system(Reason::SignIn).await?;
    if !store::errands::remove(&mut tx, errand.id).await? {
        return Ok(());
    }
    for found in store::resets::addressees(&mut tx, (&address, lookup), tenant).await? {
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

/// A letter or message that did not leave, and whether it may yet.
struct Unsent {
    why: String,
    later: bool,
}

impl From<mail::Error> for Unsent {
    fn from(error: mail::Error) -> Self {
        let later = matches!(error, mail::Error::Later(_));
        let why = error.to_string();
        Self { why, later }
    }
}

impl From<sms::Error> for Unsent {
    fn from(error: sms::Error) -> Self {
        let later = matches!(error, sms::Error::Later(_));
        let why = error.to_string();
        Self { why, later }
    }
}

/// What was sent goes; what was not is tried again. No transaction is open while the mail server or provider is spoken to.
async fn settle(identity: &Identity, errand: &Claimed, sent: Result<(), Unsent>) -> Result<(), fault::Error> {
    let Err(Unsent { why, later }) = sent else {
        return drop_it(identity, errand.id).await;
    };
    let again = later && errand.attempt < MOST_ATTEMPTS;
    tracing::warn!(errand = %errand.id, attempt = errand.attempt, again, why, "a message did not leave");
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
    use crate::testing::carrier::{Answer, Carrier};
    use crate::testing::codes::{PHONE, Sending};
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

    #[tokio::test]
    async fn t52_a_message_waits_for_its_provider_and_is_known_by_its_id() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let owner = sending.sign_up("acme").await;
        let client = sending.enter(&owner).await;
        let inside = Carrier::start().await;
        sending.carrier.answers(Answer::Status(503));
        let body = json!({"phone": PHONE});
        let made = client.post("/api/v1/me/mfa/sms", body.clone()).await.expect(201).json;
        let again = async |many: usize| {
            eventually("tries", async || {
                clock.advance(Duration::from_secs(1));
                (sending.carrier.taken().len() >= many).then_some(())
            })
            .await;
        };
        again(2).await;
        sending.carrier.answers(Answer::Status(200));
        again(3).await;
        eventually("nothing is left to do", async || {
            sending.test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
        let taken = sending.carrier.taken();
        let ids: Vec<&str> = taken.iter().map(|taken| taken.header("idempotency-key")).collect();
        assert!(!ids[0].is_empty() && ids.iter().all(|id| *id == ids[0]), "{ids:?}");
        let path = format!("/api/v1/me/mfa/sms/{}:confirm", made["factor"]["id"].as_str().unwrap());
        let code = sending.texted(3).await.remove(2);
        client.post(&path, json!({"code": code})).await.expect(200);

        // What is refused, or sent elsewhere, is not tried again.
        let other = sending.sign_up("other").await;
        let client = sending.enter(&other).await;
        for answer in [Answer::Status(400), Answer::Redirect(inside.url("/"))] {
            let before = sending.carrier.taken().len();
            sending.carrier.answers(answer);
            client.post("/api/v1/me/mfa/sms", body.clone()).await.expect(201);
            again(before + 1).await;
            eventually("given up", async || {
                sending.test.dump("identity.errands").await.is_empty().then_some(())
            })
            .await;
            assert_eq!(sending.carrier.taken().len(), before + 1);
        }
        assert!(inside.taken().is_empty(), "t50");
    }

    #[tokio::test]
    async fn a_code_that_is_good_no_more_is_not_sent_any_more() {
        let clock = Clock::held_at(Clock::system().now());
        let sending = Sending::start(&clock).await;
        let owner = sending.sign_up("acme").await;
        let client = sending.enter(&owner).await;
        sending.carrier.answers(Answer::HangUp);
        client
            .post("/api/v1/me/mfa/sms", json!({"phone": PHONE}))
            .await
            .expect(201);
        sending.carrier.wait(PHONE, 1).await;
        clock.advance(Duration::from_mins(10));
        eventually("given up", async || {
            sending.test.dump("identity.errands").await.is_empty().then_some(())
        })
        .await;
        assert!(!sending.test.dump("identity.sent_codes").await.is_empty());
        crate::work::sweep::sweep(&sending.test.bench.db("identity"))
            .await
            .unwrap();
        clock.advance(Duration::from_secs(1));
        crate::work::sweep::sweep(&sending.test.bench.db("identity"))
            .await
            .unwrap();
        assert_eq!(sending.test.dump("identity.sent_codes").await, "");
    }
}
