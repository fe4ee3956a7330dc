//! The service as its endpoint tests see it.

use auth::action::audit;
use auth::{Action, Caller, Role};
use db::Db;
use serde_json::{Value, json};
use testkit::{Bench, Client, Reply, TestTenant, eventually};

use crate::filter::{Filter, Order};
use crate::service::{Deps, Service};
use crate::settings::Settings;
use crate::store::{self, events::Stretch};

pub(crate) struct Test {
    pub bench: Bench,
    pub client: Client,
    /// Where another service would write its entries.
    pub db: Db,
}

/// The service on its own database, listening.
pub(crate) async fn start() -> Test {
    start_on(Bench::new().await).await
}

pub(crate) async fn start_on(bench: Bench) -> Test {
    let deps = Deps {
        db: bench.db("audit"),
        feed: events::Feed::postgres(),
        key: bench.key.clone(),
        kek: bench.kek.clone(),
    };
    let service = Service::build(&Settings::default(), deps).unwrap();
    let client = bench.client(service.address());
    bench.run(service.run(bench.shutdown.clone()));
    let db = bench.db("identity");
    Test { bench, client, db }
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
            let found = store::events::list(&mut tx, &granted, &Filter::default(), all)
                .await
                .ok()?;
            (found.len() >= entries).then_some(())
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
