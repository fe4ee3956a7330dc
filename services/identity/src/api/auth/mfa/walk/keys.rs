//! The walk's moves with passkeys.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Walk, expect};

#[derive(Debug, Clone, Copy)]
pub(super) enum Key {
    /// Answers what it was asked.
    Asked,
    /// Answers what was asked for the other way in.
    AskedElsewhere,
    /// Has not counted as far as it did.
    Copied,
}

impl Walk<'_> {
    pub(super) async fn webauthn(&mut self, number: usize, key: Key) -> Result<(), TestCaseError> {
        let Some(at) = self.pick(number) else { return Ok(()) };
        let waits = self.waits(at);
        let text = self.challenges[at].text.clone();
        let body = json!({"challenge": text});
        let asked = self.test.client.post("/api/v1/auth/mfa/webauthn:begin", body).await;
        prop_assert_eq!(asked.status.as_u16(), if waits { 200 } else { 401 });
        let (ceremony, options) = match key {
            Key::Asked | Key::Copied if waits => (asked.json["ceremony"].clone(), asked.json["public_key"].clone()),
            _ => self.test.ask_at_the_door().await,
        };
        let credential = self.show(key, &options);
        let right = matches!(key, Key::Asked);
        let reply = self.test.show_key(&text, &ceremony, &credential).await;
        expect(&reply, waits && right)?;
        self.judged(at, waits, right);
        Ok(())
    }

    pub(super) async fn door(&mut self, key: Key) -> Result<(), TestCaseError> {
        let (ceremony, options) = match key {
            Key::Asked | Key::Copied => self.test.ask_at_the_door().await,
            Key::AskedElsewhere => {
                let challenge = self.test.challenge(self.ada.0).await;
                self.test.ask_as_second(&challenge).await
            }
        };
        let right = matches!(key, Key::Asked);
        for first in [true, false] {
            let body = json!({"ceremony": ceremony, "credential": self.show(key, &options)});
            let reply = self.test.client.post("/api/v1/auth/passkey", body).await;
            expect(&reply, right && first)?;
        }
        Ok(())
    }

    fn show(&mut self, key: Key, options: &Value) -> Value {
        let counted = self.key.counter;
        if matches!(key, Key::Copied) {
            self.key.counter = 0;
        }
        let shown = self.key.show(options);
        self.key.counter = self.key.counter.max(counted);
        shown
    }
}
