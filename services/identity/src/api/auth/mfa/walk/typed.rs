//! The walk's moves with codes that an authenticator shows, and those that were written down.

use proptest::prelude::*;

use super::{Walk, expect};

const WRITTEN: usize = 10;

#[derive(Debug, Clone, Copy)]
pub(super) enum Code {
    /// Of this step, the one before or the one after.
    Near(i64),
    /// Of a time long past or to come.
    Far,
}

impl Walk<'_> {
    /// A code of Ada's, and the step it is of if that is in the window.
    pub(super) fn code(&self, which: Code) -> (Option<i64>, String) {
        let now = self.clock.now();
        match which {
            Code::Near(steps) => {
                let at = now + chrono::TimeDelta::seconds(30 * steps);
                (Some(at.timestamp() / 30), self.ada.1.phone.code(at))
            }
            Code::Far => (None, self.ada.1.phone.code(now + chrono::TimeDelta::hours(9))),
        }
    }

    pub(super) async fn totp(&mut self, number: usize, which: Code) -> Result<(), TestCaseError> {
        let (step, code) = self.code(which);
        let fresh = step.is_some_and(|step| step > self.last_step);
        let Some(at) = self.pick(number) else { return Ok(()) };
        let waits = self.waits(at);
        let reply = self.test.show("totp", &self.challenges[at].text, &code).await;
        expect(&reply, waits && fresh)?;
        if let (true, true, Some(step)) = (waits, fresh, step) {
            self.last_step = step;
        }
        self.judged(at, waits, fresh);
        Ok(())
    }

    pub(super) async fn recovery(&mut self, number: usize, which: usize) -> Result<(), TestCaseError> {
        let Some(at) = self.pick(number) else { return Ok(()) };
        // Two of twelve are codes that nobody was given; without any left the kind is not awaited at all.
        let waits = self.waits(at) && self.used.len() < WRITTEN;
        let given = self.ada.1.codes.get(which);
        let fresh = given.is_some() && !self.used.contains(&which);
        let code = given.map_or("0000-0000-0000-0000-0000-0000", String::as_str);
        let reply = self.test.show("recovery", &self.challenges[at].text, code).await;
        expect(&reply, waits && fresh)?;
        if waits && fresh {
            self.used.insert(which);
        }
        self.judged(at, waits, fresh);
        Ok(())
    }
}
