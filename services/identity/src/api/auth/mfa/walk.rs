//! A model of signing in walks the real endpoints: whatever it says is refused must be refused, whatever it says is let in
//! must be let in.

mod keys;
mod letters;
mod typed;

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clock::Clock;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use testkit::Reply;

use self::keys::Key;
use self::letters::{Letter, Mailbox};
use self::typed::Code;
use crate::signin::{PATIENCE, WRONG_CODES};
use crate::testing::codes::Sending;
use crate::testing::device::{Device, add};
use crate::testing::{Enrolled, Owner, PASSWORD, Test};

/// What the client does next. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Move {
    Password { right: bool },
    Totp { challenge: usize, code: Code },
    Recovery { challenge: usize, code: usize },
    Webauthn { challenge: usize, key: Key },
    Door { key: Key },
    Send { challenge: usize },
    Email { challenge: usize, letter: Letter },
    Invented { challenge: usize },
    Others { code: Code },
    Wait { seconds: u64 },
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let code = prop_oneof![4 => (-1_i64..=1).prop_map(Code::Near), 1 => Just(Code::Far)];
    let key = prop_oneof![3 => Just(Key::Asked), 1 => Just(Key::AskedElsewhere), 1 => Just(Key::Copied)];
    let letter = prop_oneof![3 => Just(Letter::Last), 1 => Just(Letter::Former), 1 => Just(Letter::OfAnother),
                             1 => Just(Letter::Misread)];
    let one = prop_oneof![
        3 => prop::bool::weighted(0.8).prop_map(|right| Move::Password { right }),
        6 => (0..4_usize, code.clone()).prop_map(|(challenge, code)| Move::Totp { challenge, code }),
        2 => (0..4_usize, 0..12_usize).prop_map(|(challenge, code)| Move::Recovery { challenge, code }),
        3 => (0..4_usize, key.clone()).prop_map(|(challenge, key)| Move::Webauthn { challenge, key }),
        1 => key.prop_map(|key| Move::Door { key }),
        3 => (0..4_usize).prop_map(|challenge| Move::Send { challenge }),
        3 => (0..4_usize, letter).prop_map(|(challenge, letter)| Move::Email { challenge, letter }),
        1 => (0..4_usize).prop_map(|challenge| Move::Invented { challenge }),
        1 => code.prop_map(|code| Move::Others { code }),
        2 => prop_oneof![Just(31_u64), Just(61), Just(290), Just(301), Just(601)].prop_map(|seconds| Move::Wait { seconds }),
    ];
    prop::collection::vec(one, 1..30)
}

/// A challenge as the model knows it.
struct Known {
    text: String,
    until: DateTime<Utc>,
    wrong: u8,
    over: bool,
    mailbox: Mailbox,
}

/// The model: what was handed out, and what was spent.
struct Walk<'a> {
    sending: &'a Sending,
    test: &'a Test,
    clock: &'a Clock,
    ada: (&'a Owner, &'a Enrolled),
    eve: (&'a Owner, &'a Enrolled),
    key: Device,
    challenges: Vec<Known>,
    last_step: i64,
    used: BTreeSet<usize>,
    letters: usize,
}

impl Walk<'_> {
    async fn go(&mut self, step: &Move) -> Result<(), TestCaseError> {
        match step {
            Move::Password { right } => self.password(*right).await,
            Move::Totp { challenge, code } => self.totp(*challenge, *code).await,
            Move::Recovery { challenge, code } => self.recovery(*challenge, *code).await,
            Move::Webauthn { challenge, key } => self.webauthn(*challenge, *key).await,
            Move::Door { key } => self.door(*key).await,
            Move::Send { challenge } => self.send(*challenge).await,
            Move::Email { challenge, letter } => self.email(*challenge, *letter).await,
            Move::Invented { challenge } => {
                let code = self.code(Code::Near(0)).1;
                let mut text = self
                    .challenges
                    .get(*challenge)
                    .map_or("ysc_".to_owned(), |c| c.text.clone());
                text.insert(4, 'A');
                expect(&self.test.show("totp", &text, &code).await, false)
            }
            // Ada's code for Eve's challenge; it ends with the walk.
            Move::Others { code } => {
                let theirs = self.test.challenge(self.eve.0).await;
                let code = self.code(*code).1;
                expect(&self.test.show("totp", &theirs, &code).await, false)
            }
            Move::Wait { seconds } => {
                self.clock.advance(Duration::from_secs(*seconds));
                Ok(())
            }
        }
    }

    async fn password(&mut self, right: bool) -> Result<(), TestCaseError> {
        let password = if right { PASSWORD } else { "an entirely wrong one" };
        let reply = self.test.sign_in(&self.ada.0.email, password).await;
        prop_assert_eq!(reply.status.as_u16(), if right { 200 } else { 401 });
        if right {
            prop_assert_eq!(
                &reply.json["status"],
                "mfa_required",
                "the password alone let somebody in"
            );
            self.challenges.push(Known {
                text: reply.json["challenge"].as_str().unwrap_or_default().to_owned(),
                until: self.clock.now() + PATIENCE,
                wrong: 0,
                over: false,
                mailbox: Mailbox::default(),
            });
        }
        Ok(())
    }

    fn pick(&self, number: usize) -> Option<usize> {
        // The newest first: most walks should get somewhere.
        self.challenges.len().checked_sub(1 + number)
    }

    fn waits(&self, at: usize) -> bool {
        let known = &self.challenges[at];
        !known.over && self.clock.now() < known.until
    }

    fn judged(&mut self, at: usize, waits: bool, right: bool) {
        let known = &mut self.challenges[at];
        if waits && right {
            known.over = true;
        } else if waits {
            known.wrong += 1;
            known.over = known.wrong >= WRONG_CODES;
        }
    }
}

fn expect(reply: &Reply, let_in: bool) -> Result<(), TestCaseError> {
    prop_assert_eq!(reply.status.as_u16(), if let_in { 200 } else { 401 }, "{}", reply.text);
    prop_assert_eq!(reply.json.get("access_token").is_some(), let_in);
    Ok(())
}

#[test]
fn t14_no_walk_leads_past_a_factor() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let clock = Clock::held_at(Clock::system().now());
    let sending = runtime.block_on(Sending::start(&clock));
    let test = &sending.test;
    let eve = runtime.block_on(test.sign_up("evil"));
    let hers = runtime.block_on(test.enrol(&eve));
    let number = std::cell::Cell::new(0);
    let config = Config {
        cases: 24,
        failure_persistence: None,
        max_shrink_iters: 64,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&moves(), |moves| {
            number.set(number.get() + 1);
            runtime.block_on(async {
                let owner = sending.sign_up(&format!("acme-{}", number.get())).await;
                let enrolled = test.enrol(&owner).await;
                letters::add_mailbox(&sending, &owner, &enrolled.client).await;
                let mut key = Device::new();
                add(&enrolled.client, &mut key).await.expect(201);
                let mut walk = Walk {
                    sending: &sending,
                    test,
                    clock: &clock,
                    ada: (&owner, &enrolled),
                    eve: (&eve, &hers),
                    key,
                    challenges: Vec::new(),
                    last_step: clock.now().timestamp() / 30,
                    used: BTreeSet::new(),
                    letters: 1,
                };
                for step in &moves {
                    walk.go(step).await?;
                }
                Ok(())
            })
        })
        .unwrap();
}
