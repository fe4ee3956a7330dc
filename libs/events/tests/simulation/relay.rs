//! What the relay makes of a broker that takes nothing.

use db::Reason;
use events::step::{Ledger, NotTold, Page, Told, relay};
use events::{Envelope, Position};
use ids::{EventId, TenantId};

use crate::broker::Broker;
use crate::executor::Sim;
use crate::mutant::Switch;
use crate::store::{Store, date};

struct Deaf;

impl Told for Deaf {
    async fn tell(&self, _: &[Envelope]) -> Result<(), NotTold> {
        Err(NotTold::GivenUp)
    }
}

#[test]
fn a_relay_that_reads_and_cannot_tell_waits_longer_each_time() {
    let sim = Sim::new(1, false);
    let (store, broker) = (Store::new(sim.clone(), Switch::default()), Broker::new(sim.clone()));
    sim.alone(async move {
        let mut tx = store.begin(Reason::Reconcile).await.unwrap();
        let event = Envelope {
            id: EventId::from_uuid(uuid::Uuid::from_u128(1)),
            tenant: TenantId::from_uuid(uuid::Uuid::from_u128(7)),
            position: Position::default(),
            kind: "thing.happened".to_owned(),
            version: 1,
            subject: "thing:1".to_owned(),
            project: None,
            request: None,
            data: serde_json::json!({}),
            time: date(0),
        };
        tx.insert(event).await.unwrap();
        tx.commit().await.unwrap();

        let (mut mine, mut failures) = (None, 3);
        relay(&store, &Deaf, &mut mine, &mut failures).await.unwrap_err();
        assert_eq!(failures, 3, "that it could read says nothing");
        relay(&store, &broker, &mut mine, &mut failures).await.unwrap();
        assert_eq!(failures, 0);
    });
}
