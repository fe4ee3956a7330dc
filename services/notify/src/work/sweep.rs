//! Old deliveries go.

use std::time::Duration;

use db::Reason;

use crate::state::Notify;
use crate::store;

pub const PERIOD: Duration = Duration::from_mins(10);
const BATCH: i64 = 2_000;

/// Removes one batch. True if there may be more.
pub async fn round(notify: &Notify) -> db::Result<bool> {
    let mut tx = notify.db.system(Reason::Housekeeping).await?;
    let gone = store::sending::sweep(&mut tx, BATCH).await?;
    tx.commit().await?;
    Ok(gone >= BATCH.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::delivery::KEEP;
    use crate::testing::sending::Sending;

    #[tokio::test]
    async fn old_deliveries_go_and_what_still_waits_or_is_young_stays() {
        let test = Sending::new().await;
        let acme = test.bench.tenant("acme").await;
        let (webhook, _) = test.webhook(&acme, "a", &test.receiver.url("/200")).await;
        let old = test.due(&acme, webhook).await;
        assert!(test.round().await);
        let waiting = test.due(&acme, webhook).await;
        test.clock.advance(KEEP.to_std().unwrap() + Duration::from_secs(1));
        let (other, _) = test.webhook(&acme, "b", &test.receiver.url("/200")).await;
        let young = test.due(&acme, other).await;
        while test.kept(young).await.state == "pending" {
            let claimed = crate::work::send::claim(&test.notify, &[]).await.unwrap().unwrap();
            if claimed.delivery == young {
                crate::work::send::deliver(&test.notify, &claimed).await.unwrap();
            }
        }
        assert!(!round(&test.notify).await.unwrap(), "there is no more");
        let left = test.bench.dump("notify.deliveries").await;
        assert!(!left.contains(&old.to_string()));
        assert!(left.contains(&waiting.to_string()) && left.contains(&young.to_string()));
        let before = left;
        round(&test.notify).await.unwrap();
        assert_eq!(
            test.bench.dump("notify.deliveries").await,
            before,
            "run twice is run once"
        );
    }

    #[tokio::test]
    async fn t24_a_secret_that_signs_no_longer_is_not_kept() {
        let test = Sending::new().await;
        let acme = test.bench.tenant("acme").await;
        let (webhook, _) = test.webhook(&acme, "a", &test.receiver.url("/200")).await;
        sqlx::query("update notify.webhooks set previous_secret = secret, previous_until = $1")
            .bind(test.clock.now() + chrono::TimeDelta::hours(1))
            .execute(&mut test.bench.superuser().await)
            .await
            .unwrap();
        round(&test.notify).await.unwrap();
        assert_ne!(
            test.field(webhook, "previous_secret").await,
            Value::Null,
            "it signs still"
        );
        test.clock.advance(Duration::from_hours(1));
        round(&test.notify).await.unwrap();
        assert_eq!(test.field(webhook, "previous_secret").await, Value::Null);
        assert_ne!(test.field(webhook, "secret").await, Value::Null);
    }
}
