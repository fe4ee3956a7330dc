use std::time::Duration;

use db::SystemTx;
use events::{Consumer, Envelope, Failed};

use crate::entry;
use crate::store;

/// Writes the log: takes the entries that services put on the bus in the commits of their acts, numbers them per tenant
/// and seals what they tell.
pub struct Recorder;

/// Entries in one statement.
const LINES: usize = 1_000;

impl Consumer for Recorder {
    const NAME: &'static str = "audit";
    const SEALS: bool = true;
    /// Each may be a row of many entries, and each of those takes a message of its tenant's key: so many as are at hand in any
    /// transaction.
    const AT_ONCE: usize = 4_096 / db::MOST_IN_ROW;
    /// A moment's wait for the log costs nobody anything; a commit for each entry costs as much as what it tells of.
    const GATHERS: Duration = Duration::from_millis(100);

    fn wants(&self, kind: &str) -> bool {
        kind == db::AUDIT
    }

    /// 3: several, sealed together; 2: one, sealed; 1: one, from before they were.
    fn knows(&self, _kind: &str) -> u32 {
        3
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        let applied = self.apply_all(tx, &[event]).await;
        applied.map_err(|failed| failed.error)
    }

    async fn apply_all(&self, tx: &mut SystemTx, events: &[&Envelope]) -> Result<(), Failed> {
        let mut lines = Vec::with_capacity(events.len());
        for (at, event) in events.iter().enumerate() {
            let this = |error| Failed { at: Some(at), error };
            let told = tx.told((event.tenant, event.id), event.version, &event.data);
            for told in told.map_err(this)? {
                let sealed = entry::seal(tx.keys(event.tenant), event.tenant, &told).map_err(this)?;
                lines.push((event.tenant, told, sealed));
            }
        }
        for lines in lines.chunks(LINES) {
            store::events::append(tx, lines).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use auth::Role;
    use auth::action::vm;
    use chrono::TimeDelta;
    use crypto::{Destroyed, KekProvider, Keyring, Providers, Rules};
    use db::Db;
    use events::Feed;
    use ids::TenantId;
    use serde_json::json;
    use testkit::{Bench, Mood, TestTenant, Vault, eventually};

    use super::*;

    const TOKEN: &str = "hvs.of-acme";

    /// A process that has yet to ask for every key, and asks often.
    fn process(bench: &Bench) -> Db {
        let provider: Arc<dyn KekProvider> = Arc::new(bench.kek.clone());
        let providers = Providers::of(provider).with_external(testkit::external(&bench.kek));
        let rules = Rules {
            longest_pause: TimeDelta::seconds(1),
            ..Rules::default()
        };
        let (platform, clock) = (Some(bench.kek.clone()), bench.clock.clone());
        let ring = Keyring::with_rules(providers, platform, Destroyed::unlisted(), clock, rules);
        bench.db("audit").with_keys(ring)
    }

    async fn tells(bench: &Bench, tenant: &TestTenant, number: usize) {
        let (caller, object) = (tenant.caller(Role::Owner), format!("vm:{number}"));
        let db = bench.db("compute");
        db.record::<vm::Read>(&caller, object, json!({})).await.unwrap();
    }

    async fn logged(bench: &Bench, tenant: TenantId) -> Vec<(i64, String)> {
        sqlx::query_as("select seq, object from audit.events where tenant_id = $1 order by seq")
            .bind(tenant)
            .fetch_all(&mut bench.superuser().await)
            .await
            .unwrap()
    }

    async fn eventually_logged(bench: &Bench, tenant: TenantId, entries: usize) {
        let expected: Vec<_> = (1..=entries)
            .map(|at| (i64::try_from(at).unwrap(), format!("vm:{at}")))
            .collect();
        eventually("the log", async || {
            (logged(bench, tenant).await.len() >= entries).then_some(())
        })
        .await;
        assert_eq!(
            logged(bench, tenant).await,
            expected,
            "numbered without a gap, in order"
        );
    }

    #[tokio::test]
    async fn t22_the_log_of_a_tenant_whose_key_was_away_goes_on_in_order_and_others_went_on_meanwhile() {
        let bench = Bench::new().await;
        let (acme, byte) = (bench.tenant("acme").await, bench.tenant("byte").await);
        let vault = Vault::start(TOKEN).await;
        bench.keeps_its_key(acme.id, &vault, TOKEN).await;
        for number in 1..=3 {
            tells(&bench, &acme, number).await;
        }
        vault.turn(Mood::Denied);
        let mut running = tokio::task::JoinSet::new();
        let run = |db| events::run(Feed::postgres(), db, Recorder, bench.shutdown.clone());
        let first = running.spawn(run(process(&bench)));
        for number in 1..=5 {
            tells(&bench, &byte, number).await;
        }
        eventually_logged(&bench, byte.id, 5).await;
        first.abort();
        running.spawn(run(process(&bench)));
        tells(&bench, &acme, 4).await;
        tells(&bench, &byte, 6).await;
        eventually_logged(&bench, byte.id, 6).await;
        assert!(
            logged(&bench, acme.id).await.is_empty(),
            "nothing of it is in the log under another key"
        );
        vault.turn(Mood::Well);
        for number in 5..=9 {
            tells(&bench, &acme, number).await;
        }
        eventually_logged(&bench, acme.id, 9).await;
    }
}
