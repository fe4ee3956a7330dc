//! Codes that are sent, as their readers see them.

use clock::Clock;
use serde_json::{Value, json};
use testkit::{Bench, Client, Reply};

use super::carrier::Carrier;
use super::letters::Letters;
use super::{Owner, PASSWORD, Test, settings, start_on};
use crate::guess::{Limit, Limits};
use crate::settings::Settings;

pub(crate) const PHONE: &str = "+4915112345678";

/// The service beside a mail server and a provider of text messages.
pub(crate) struct Sending {
    pub test: Test,
    pub letters: Letters,
    pub carrier: Carrier,
}

/// Somebody with a weaker factor.
pub(crate) struct Reached {
    /// Signed in, with the factor shown.
    pub client: Client,
    /// The factor's id.
    pub factor: String,
    /// What they wrote down.
    pub codes: Vec<String>,
}

impl Sending {
    /// Nobody runs out of guesses; of codes they do.
    pub async fn start(clock: &Clock) -> Self {
        let (mail, letters) = Letters::server().await;
        let carrier = Carrier::start().await;
        let many = Limit {
            burst: 10_000,
            refill_seconds: 1,
        };
        let guesses = Limits {
            pair: many,
            address: many,
            account: many,
            proof: many,
        };
        let settings = Settings {
            mail,
            sms: carrier.settings(),
            guesses,
            ..settings()
        };
        let test = start_on(Bench::at(clock.clone()).await, &settings).await;
        Self { test, letters, carrier }
    }

    /// A tenant that allows both weaker kinds, and its owner.
    pub async fn sign_up(&self, name: &str) -> Owner {
        let owner = self.test.sign_up(name).await;
        self.test.rules(owner.tenant, "weaker_factors = '{sms,email}'").await;
        owner
    }

    /// Signs in by the password alone.
    pub async fn enter(&self, owner: &Owner) -> Client {
        let tokens = self.test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        assert_eq!(tokens["status"], "authenticated", "{tokens}");
        self.test.enter_now(&tokens).await
    }

    /// The codes that came to this telephone, oldest first, once there are that many.
    pub async fn texted(&self, many: usize) -> Vec<String> {
        let texts = self.carrier.wait(PHONE, many).await;
        texts.iter().map(|text| digits(text)).collect()
    }

    /// The codes that came to this address, oldest first, once there are that many.
    pub async fn mailed(&self, to: &str, many: usize) -> Vec<String> {
        testkit::eventually(&format!("{many} letters to {to}"), async || {
            let letters = self.letters.wait(0).await;
            let mine = letters.iter().filter(|letter| letter.to == to);
            let codes: Vec<String> = mine.map(|letter| digits(&letter.text)).collect();
            (codes.len() >= many).then_some(codes)
        })
        .await
    }

    /// Signs in and adds the telephone of all these tests.
    pub async fn add_phone(&self, owner: &Owner) -> Reached {
        let before = self.carrier.taken().len();
        let tokens = self.test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = self.test.enter_now(&tokens).await;
        let body = json!({"phone": PHONE});
        let made = client.post("/api/v1/me/mfa/sms", body).await.expect(201).json;
        let code = self.texted(before + 1).await.pop().unwrap();
        self.confirm(("sms", &made), &client, &tokens, &code).await
    }

    /// Signs in and makes the account's mailbox a factor.
    pub async fn add_mailbox(&self, owner: &Owner) -> Reached {
        let tokens = self.test.sign_in(&owner.email, PASSWORD).await.expect(200).json;
        let client = self.test.enter_now(&tokens).await;
        let made = client.post("/api/v1/me/mfa/email", json!({})).await.expect(201).json;
        let code = self.mailed(&owner.email, 1).await.pop().unwrap();
        self.confirm(("email", &made), &client, &tokens, &code).await
    }

    async fn confirm(&self, (kind, made): (&str, &Value), client: &Client, tokens: &Value, code: &str) -> Reached {
        let factor = made["factor"]["id"].as_str().unwrap().to_owned();
        let path = format!("/api/v1/me/mfa/{kind}/{factor}:confirm");
        let confirmed = client.post(&path, json!({"code": code})).await.expect(200).json;
        let codes = confirmed["recovery_codes"].as_array().unwrap().iter();
        Reached {
            client: self.test.enter_now(tokens).await,
            factor,
            codes: codes.map(|code| code.as_str().unwrap().to_owned()).collect(),
        }
    }

    /// Asks for a code for this challenge.
    pub async fn send(&self, kind: &str, challenge: &str) -> Reply {
        let path = format!("/api/v1/auth/mfa/{kind}:send");
        self.test.client.post(&path, json!({"challenge": challenge})).await
    }

    /// A challenge and the code that was sent by SMS for it.
    pub async fn half(&self, owner: &Owner) -> (String, String) {
        let before = self.carrier.taken().len();
        let challenge = self.test.challenge(owner).await;
        self.send("sms", &challenge).await.expect(200);
        let code = self.texted(before + 1).await.pop().unwrap();
        (challenge, code)
    }
}

/// The eight digits in a message.
fn digits(text: &str) -> String {
    let runs = text.split(|letter: char| !letter.is_ascii_digit());
    let code = runs.into_iter().find(|run| run.len() == 8);
    code.unwrap_or_else(|| panic!("no code in {text}")).to_owned()
}

/// Another code than this one.
pub(crate) fn wrong(code: &str) -> String {
    let first = if code.starts_with('1') { "2" } else { "1" };
    format!("{first}{}", &code[1..])
}
