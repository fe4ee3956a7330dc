//! Reading the log is itself in the log.
//!
//! A page that refreshes every few seconds would drown what it shows, so one reading is recorded per caller, filter and
//! minute; pages of one list count as one. The entry is written before the answer: what cannot be recorded is not shown.
//! Two processes, or two requests in the same instant, may each write one; none is ever missing.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use auth::{Action, Caller};
use db::Db;
use serde_json::Value;

/// So that nobody fills the memory with filters; beyond it every reading is recorded.
const MOST: usize = 10_000;

/// Who read what in the present minute.
#[derive(Default)]
pub(crate) struct Readings {
    minute: Mutex<Minute>,
    hasher: RandomState,
}

#[derive(Default)]
struct Minute {
    number: i64,
    seen: HashSet<u64>,
}

impl Readings {
    /// Records that the caller reads `object`, unless it was recorded in this minute.
    pub async fn record<A: Action>(
        &self,
        db: &Db,
        caller: &Caller,
        object: String,
        about: Value,
    ) -> Result<(), fault::Error> {
        let number = db.clock().now().timestamp() / 60;
        let what = (
            caller.tenant(),
            caller.principal().to_string(),
            A::INFO.name,
            &object,
            about.to_string(),
        );
        let print = self.hasher.hash_one(what);
        if self.knows(number, print) {
            return Ok(());
        }
        db.record::<A>(caller, object, about).await?;
        self.remember(number, print);
        Ok(())
    }

    fn knows(&self, number: i64, print: u64) -> bool {
        let minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        minute.number == number && minute.seen.contains(&print)
    }

    fn remember(&self, number: i64, print: u64) {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if minute.number != number {
            *minute = Minute {
                number,
                seen: HashSet::new(),
            };
        }
        if minute.seen.len() < MOST {
            minute.seen.insert(print);
        }
    }
}
