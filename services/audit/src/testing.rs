//! The service as its endpoint tests see it.

use auth::action::audit;
use auth::{Action, Caller, Role};
use db::Db;
use serde_json::{Value, json};
use testkit::{Bench, Client, Reply, TestTenant, eventually};
use tlog::PublicKey;

use crate::filter::{Filter, Order};
use crate::log::Log;
use crate::search;
use crate::service::{Deps, Service};
use crate::settings::{Pace, Settings};
use crate::store::{self, events::Stretch};

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
    /// Where another service would write its entries.
    pub db: Db,
    /// What checkpoints verify with.
    pub log_key: PublicKey,
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    start_on(Bench::new().await).await
}

pub(crate) async fn start_on(bench: Bench) -> Test {
    start_with(bench, &Settings::default()).await
}

/// A log that is signed for every so many entries or seconds.
pub(crate) async fn start_paced(entries: i64, seconds: u32) -> Test {
    let mut settings = Settings::default();
    settings.log.pace = Pace { entries, seconds };
    start_with(Bench::new().await, &settings).await
}

pub(crate) async fn start_with(bench: Bench, settings: &Settings) -> Test {
    let log = Log::new("test/audit", &[7; 32]).unwrap();
    let log_key = log.public();
    let deps = Deps {
        db: bench.db("audit"),
        feed: events::Feed::postgres(),
        key: bench.key.clone(),
        log,
    };
    let service = Service::build(settings, deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    let db = bench.db("identity");
    // A worker makes the key known.
    eventually("the log's key to be known", async || {
        let known = bench.dump("audit.log_keys").await;
        known.contains(&log_key.to_string()).then_some(())
    })
    .await;
    Test {
        bench,
        client,
        db,
        log_key,
    }
}

impl Test {
    /// An owner's client.
    pub fn owner(&self, tenant: &TestTenant) -> Client {
        self.client.caller(&tenant.caller(Role::Owner))
    }

    /// Writes an entry as another service would.
    pub async fn wrote<A: Action>(&self, caller: &Caller, object: &str) {
        let changes = json!({"name": {"before": null, "after": object}});
        self.db.record::<A>(caller, object.to_owned(), changes).await.unwrap();
    }

    /// Waits until the newest checkpoint of this tenant covers exactly that many entries.
    pub async fn signed(&self, tenant: &TestTenant, entries: i64) {
        let db = self.bench.db("audit");
        eventually(&format!("a checkpoint over {entries} entries"), async || {
            let mut tx = db.read::<audit::List>(&tenant.caller(Role::Auditor)).await.ok()?;
            let granted = tx.tenant().unwrap();
            let newest = store::checkpoints::lookup(&mut tx, &granted, None).await.ok()??;
            (newest.size == entries).then_some(())
        })
        .await;
    }

    /// Waits until the log of this tenant holds that many entries.
    pub async fn holds(&self, tenant: &TestTenant, entries: usize) {
        let db = self.bench.db("audit");
        eventually(&format!("{entries} entries in the log"), async || {
            let mut tx = db.read::<audit::List>(&tenant.caller(Role::Auditor)).await.ok()?;
            let all = Stretch {
                order: Order::OldestFirst,
                after: None,
                limit: 1_000,
            };
            let granted = tx.tenant().unwrap();
            let found = search::find(&mut tx, &granted, &Filter::default(), all).await.ok()?;
            (found.entries.len() >= entries).then_some(())
        })
        .await;
    }
}

/// One field of each item.
pub(crate) fn column<'a>(reply: &'a Reply, field: &str) -> Vec<&'a Value> {
    reply.json["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item[field])
        .collect()
}
