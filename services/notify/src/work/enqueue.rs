//! Writes down which webhooks an event is to be delivered to.

use db::SystemTx;
use events::{Consumer, Envelope};

use crate::{store, webhook};

/// Hears of everything, and leaves a delivery for each webhook that wants it, in the commit that marks the event heard.
pub struct Enqueuer;

impl Consumer for Enqueuer {
    const NAME: &'static str = "webhooks";

    fn wants(&self, kind: &str) -> bool {
        webhook::reading(kind).is_some()
    }

    /// What an event tells is handed on as it is, whatever its shape.
    fn knows(&self, _: &str) -> u32 {
        u32::MAX
    }

    async fn apply(&self, tx: &mut SystemTx, event: &Envelope) -> Result<(), fault::Error> {
        for (webhook, types) in store::sending::hearers(tx, event.tenant).await? {
            if webhook::is_told(&types, &event.kind)? {
                store::sending::insert(tx, (event.tenant, webhook), (event.id, &event.kind)).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use ids::ProjectId;
    use testkit::eventually;

    use crate::delivery::MOST_WAITING;
    use crate::testing::Happened;
    use crate::testing::sending::Sending;

    #[tokio::test]
    async fn what_is_too_much_for_one_webhook_is_said_to_be_dropped_and_reaches_the_others() {
        let test = Sending::new().await;
        let acme = test.bench.tenant("acme").await;
        let (crowded, _) = test.webhook(&acme, "a", &test.receiver.url("/500")).await;
        let (free, _) = test.webhook(&acme, "b", &test.receiver.url("/200")).await;
        let mut sql = test.bench.superuser().await;
        sqlx::query(
            "insert into notify.deliveries (tenant_id, delivery_id, webhook_id, event_id, kind, state, next_at, created_at)
             select $1, gen_random_uuid(), $2, gen_random_uuid(), 'planted', 'pending', now(), now()
             from generate_series(1, $3)",
        )
        .bind(acme.id)
        .bind(crowded)
        .bind(MOST_WAITING - 1)
        .execute(&mut sql)
        .await
        .unwrap();
        let _heard = test.hear();
        let mut tx = test.bench.db("compute").system(db::Reason::Reconcile).await.unwrap();
        for vm in ["one", "two"] {
            tx.emit(acme.id, &Happened::to(ProjectId::mint(), vm)).unwrap();
        }
        tx.commit().await.unwrap();
        let found = eventually("both are written down for both", async || {
            let rows: Vec<(ids::WebhookId, String, Option<String>)> = sqlx::query_as(
                "select webhook_id, state, error from notify.deliveries where kind <> 'planted' order by delivery_id",
            )
            .fetch_all(&mut test.bench.superuser().await)
            .await
            .unwrap();
            (rows.len() == 4).then_some(rows)
        })
        .await;
        let of = |webhook| {
            let told = found.iter().filter(move |(to, ..)| *to == webhook);
            told.map(|(_, state, error)| (state.as_str(), error.as_deref()))
                .collect::<Vec<_>>()
        };
        assert_eq!(of(crowded), [("pending", None), ("dropped", Some("queue_full"))]);
        assert_eq!(of(free), [("pending", None), ("pending", None)]);
    }
}
