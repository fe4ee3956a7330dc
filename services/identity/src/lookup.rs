//! The key that people are found by: made at the first start, and then read once by each process.

use auth::{Caller, PLATFORM};
use crypto::{Kek, LookupKey, Place};
use db::{AuditEvent, AuditOutcome, Db, Reason};
use serde_json::json;
use tokio::sync::OnceCell;

use crate::store::lookup_keys;

/// The key, once it was read.
pub struct Lookup {
    db: Db,
    held: OnceCell<LookupKey>,
}

impl Lookup {
    /// The key in this database, opened with the platform's key.
    pub const fn new(db: Db) -> Self {
        let held = OnceCell::const_new();
        Self { db, held }
    }

    /// The key, for all there is to mark. Not to be asked inside a transaction: the first to ask reads it.
    pub async fn key(&self) -> Result<&LookupKey, fault::Error> {
        self.held.get_or_try_init(|| read(&self.db)).await
    }

    /// The key, inside a transaction: whoever begins one has asked [`Self::key`].
    pub fn held(&self) -> Result<&LookupKey, fault::Error> {
        let held = self.held.get();
        held.ok_or_else(|| fault::Error::internal("nobody has asked for the key that people are found by"))
    }
}

/// The platform's key, made now if there is none. Processes that start together end with one.
pub async fn read(db: &Db) -> Result<LookupKey, fault::Error> {
    let ring = db
        .keyring()
        .ok_or_else(|| fault::Error::internal("no keys were given"))?;
    let kek = ring.platform()?;
    let mut tx = db.system(Reason::Bootstrap).await?;
    let mut kept = lookup_keys::read(&mut tx).await?;
    if kept.is_none() {
        let new = seal(kek)?;
        if lookup_keys::insert(&mut tx, &new).await? {
            let worker = Caller::worker(PLATFORM, "identity");
            let object = format!("lookup_key:{}", lookup_keys::ROW);
            let now = tx.now();
            let entry = AuditEvent::of(
                &worker,
                now,
                "lookup_key.create",
                object,
                AuditOutcome::Success,
                json!({}),
            );
            tx.record(PLATFORM, &entry)?;
        }
        // Another process may have been faster: then it is the other's.
        kept = lookup_keys::read(&mut tx).await?;
        tx.commit().await?;
    }
    let sealed = kept.ok_or_else(|| fault::Error::internal("the lookup key is gone"))?;
    LookupKey::open(kek, &PLACE, &sealed).map_err(fault::Error::internal)
}

fn seal(kek: &Kek) -> Result<Vec<u8>, fault::Error> {
    LookupKey::make().seal(kek, &PLACE).map_err(fault::Error::internal)
}

const PLACE: Place<'static> = Place {
    tenant: PLATFORM,
    table: "identity.lookup_keys",
    column: "sealed",
    row: "1",
};

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use testkit::{Bench, race};

    use super::*;
    use crate::person::{EMAIL, Email};
    use crate::testing::RACES;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn processes_that_start_together_end_with_one_key() {
        let email = Email::check("", "ada@example.com").unwrap();
        for _ in 0..RACES {
            let bench = Bench::new().await;
            let db = bench.crowd("identity");
            let marks = race(
                async || db.clone(),
                async |db| read(&db).await.unwrap().mark(EMAIL, &email),
            );
            let marks: HashSet<_> = marks.await.into_iter().collect();
            let later = read(&bench.db("identity")).await.unwrap().mark(EMAIL, &email);
            assert_eq!(marks, HashSet::from([later]));
            let made = ("lookup_key.create".to_owned(), "success".to_owned());
            assert_eq!(bench.audit(PLATFORM).await, [made], "one of them made it");
        }
    }

    #[tokio::test]
    async fn another_platforms_key_does_not_open_it() {
        let bench = Bench::new().await;
        read(&bench.db("identity")).await.unwrap();
        sqlx::query("update identity.lookup_keys set sealed = sha256(sealed)")
            .execute(&mut bench.superuser().await)
            .await
            .unwrap();
        assert!(read(&bench.db("identity")).await.is_err(), "and none is made instead");
    }
}
