//! The walk's moves with codes that are sent.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::json;
use testkit::Client;

use super::{Walk, expect};
use crate::factor::sent::{LIVES, SENDS};
use crate::testing::Owner;
use crate::testing::codes::{Sending, wrong};

/// As many letters as one account gets at once.
const MOST: usize = 10;

#[derive(Debug, Clone, Copy)]
pub(super) enum Letter {
    /// The last that was sent for this challenge.
    Last,
    /// One that another has taken the place of.
    Former,
    /// One that was sent for another challenge.
    OfAnother,
    /// A digit is another.
    Misread,
}

/// What was sent for a challenge.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    codes: Vec<String>,
    until: DateTime<Utc>,
}

/// Makes the account's mailbox a factor, beside those it has.
pub(super) async fn add_mailbox(sending: &Sending, owner: &Owner, client: &Client) {
    let made = client.post("/api/v1/me/mfa/email", json!({})).await.expect(201).json;
    let code = sending.mailed(&owner.email, 1).await.remove(0);
    let path = format!(
        "/api/v1/me/mfa/email/{}:confirm",
        made["factor"]["id"].as_str().unwrap()
    );
    client.post(&path, json!({"code": code})).await.expect(200);
}

impl Walk<'_> {
    pub(super) async fn send(&mut self, number: usize) -> Result<(), TestCaseError> {
        let Some(at) = self.pick(number) else { return Ok(()) };
        if self.letters >= MOST {
            return Ok(());
        }
        let sent = self.challenges[at].mailbox.codes.len();
        let expected = match (self.waits(at), sent < usize::from(SENDS.unsigned_abs())) {
            (true, true) => 200,
            (true, false) => 409,
            (false, _) => 401,
        };
        let reply = self.sending.send("email", &self.challenges[at].text).await;
        prop_assert_eq!(reply.status.as_u16(), expected, "{}", reply.text);
        if expected == 200 {
            self.letters += 1;
            let code = self
                .sending
                .mailed(&self.ada.0.email, self.letters)
                .await
                .pop()
                .unwrap();
            let known = &mut self.challenges[at];
            known.mailbox.codes.push(code);
            known.mailbox.until = self.clock.now() + LIVES;
            known.until = known.until.max(known.mailbox.until);
        }
        Ok(())
    }

    pub(super) async fn email(&mut self, number: usize, which: Letter) -> Result<(), TestCaseError> {
        let Some(at) = self.pick(number) else { return Ok(()) };
        let codes = &self.challenges[at].mailbox.codes;
        let last = codes.last().cloned();
        let code = match which {
            Letter::Last => last.clone(),
            Letter::Former => codes.first().cloned(),
            Letter::OfAnother => {
                let mut others = self.challenges.iter().enumerate().filter(|(other, _)| *other != at);
                others.find_map(|(_, known)| known.mailbox.codes.last().cloned())
            }
            Letter::Misread => last.as_deref().map(wrong),
        };
        let code = code.unwrap_or_else(|| "00000000".to_owned());
        let (waits, in_time) = (self.waits(at), self.clock.now() < self.challenges[at].mailbox.until);
        let right = in_time && last.as_ref() == Some(&code);
        let reply = self.test.show("email", &self.challenges[at].text, &code).await;
        expect(&reply, waits && right)?;
        self.judged(at, waits, right);
        Ok(())
    }
}
